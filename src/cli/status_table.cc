#include "cli/status_table.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "cli/print.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

const json::value* find(const json::value& object, std::string_view name) {
  return object.is_object() ? object.get_object().if_contains(name) : nullptr;
}

std::string text(const json::value& object, std::string_view name) {
  const json::value* value = find(object, name);
  if (value == nullptr) return "?";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

std::string milliseconds(const json::value& value, double unit_ms) {
  if (!value.is_number()) return "?";
  char out[32];
  return {out, static_cast<std::size_t>(
                   std::snprintf(out, sizeof out, "%.1f", value.to_number<double>() * unit_ms))};
}

const json::array& list(const json::value& object, std::string_view name) {
  static const json::array kNone;
  const json::value* value = find(object, name);
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

std::string words(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

void show_function(const json::value& function) {
  std::map<std::string, unsigned> states;
  for (const json::value& instance : list(function, "instances")) ++states[text(instance, "state")];
  if (states.empty() && text(function, "waiting") == "0") return;
  std::string line;
  for (const auto& [state, count] : states) line += std::to_string(count) + " " + state + ", ";
  line += text(function, "waiting") + " calls wait, " + text(function, "memory_mib") + " MiB each";
  if (const json::value* took = find(function, "service_us"))
    line += ", a call takes " + milliseconds(*took, 1e-3) + " ms";
  field(text(function, "function").substr(0, 16), line + ", image " + text(function, "image").substr(0, 16));
}

void show_numbers(std::string_view title, const json::value* numbers) {
  if (numbers == nullptr || !numbers->is_object()) return;
  heading(title);
  for (const auto& [name, value] : numbers->get_object()) {
    if (const std::string shown = json::serialize(value); shown != "0") field(words(name), shown);
  }
}

void show_start(const json::value& start) {
  const json::value* total = find(start, "total_ms");
  if (total == nullptr) return;
  std::string phases;
  for (const auto& [key, value] : start.get_object()) {
    std::string name = key;
    if (!name.ends_with("_ms") || name == "total_ms") continue;
    phases +=
        (phases.empty() ? "" : ", ") + words(name.substr(0, name.size() - 3)) + " " + milliseconds(value, 1);
  }
  field(milliseconds(*total, 1) + " ms", phases);
}

}  // namespace

void show_status(const json::value& status) {
  const json::value* controller = find(status, "controller");
  if (controller == nullptr) return print_json(status);
  const auto of = [&](std::string_view name) {
    return text(*controller, name) + " of " + text(*controller, std::string(name) + "_max");
  };
  heading("Capacity");
  field("instances", of("instances"));
  field("memory", of("memory_mib") + " MiB");
  field("enclave page cache", of("epc_mib") + " MiB");
  field("activations",
        text(*controller, "activations") + ", " + text(*controller, "waiting") + " of them wait");
  heading("Functions, by the id that the host sees");
  for (const json::value& function : list(*controller, "functions")) show_function(function);
  show_numbers("Controller, since it started", find(*controller, "counters"));
  show_numbers("Gateway", find(status, "gateway"));
  heading("Latest cold starts");
  for (const json::value& start : list(*controller, "latest_cold_starts")) show_start(start);
}

}  // namespace clemmys::cli
