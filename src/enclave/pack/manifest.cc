#include "enclave/pack/manifest.h"

#include <yaml-cpp/yaml.h>

namespace clemmys::pack {
namespace {

Error refuse(std::string detail) { return {ErrorCode::kInvalid, "pack.manifest", std::move(detail)}; }

// size_of reads "64K", "8M", "1G" or plain bytes.
Result<std::uint64_t> size_of(const std::string& key, const std::string& text, std::uint64_t value_max) {
  std::size_t used = 0;
  std::uint64_t value = 0;
  if (text.empty() || text[0] < '0' || text[0] > '9') return refuse(key + ": not a size: " + text);
  try {
    value = std::stoull(text, &used);
  } catch (const std::exception&) {
    return refuse(key + ": not a size: " + text);
  }
  const std::string unit = text.substr(used);
  const int shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (shift < 0) return refuse(key + ": unknown unit in " + text + " (K, M or G)");
  if (value > value_max >> shift) return refuse(key + ": too large: " + text);
  return value << shift;
}

Result<bool> boolean_of(const std::string& key, const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return refuse(key + ": must be true or false");
}

Status read_strategy(Manifest& manifest, const std::string& text) {
  using enum shield::HeapStrategy;
  constexpr std::pair<std::string_view, shield::HeapStrategy> kNames[] = {
      {"sgx2-batch", kSgx2Batch},   {"sgx2-fault", kSgx2Fault}, {"sgx2-accept-first", kSgx2AcceptFirst},
      {"sgx2-commit", kSgx2Commit}, {"sgx1-measured", kSgx1},   {"sgx1-unmeasured", kSgx1}};
  for (const auto& [name, strategy] : kNames) {
    if (text != name) continue;
    manifest.strategy = strategy;
    manifest.heap_measured = text == "sgx1-measured";
    return {};
  }
  return refuse("memory_strategy: unknown: " + text);
}

Status read_file_list(Manifest& manifest, const YAML::Node& value) {
  if (!value.IsSequence()) return refuse("files: must be a list");
  for (const auto& entry : value) {
    if (entry.IsMap() && entry.size() == 1)
      manifest.files.push_back(
          {entry.begin()->first.as<std::string>(), entry.begin()->second.as<std::string>()});
    else
      manifest.files.push_back({entry.as<std::string>(), entry.as<std::string>()});
    if (manifest.files.back().path.empty() || manifest.files.back().path[0] != '/')
      return refuse("files: every path must be absolute: " + manifest.files.back().path);
  }
  return {};
}

Status read_key(Manifest& manifest, const std::string& key, const YAML::Node& value) {
  if (key == "allowed_paths") {
    if (!value.IsSequence()) return refuse("allowed_paths: must be a list");
    for (const auto& path : value) {
      manifest.allowed_paths.push_back(path.as<std::string>());
      if (manifest.allowed_paths.back().empty() || manifest.allowed_paths.back()[0] != '/') {
        return refuse("allowed_paths: every path must be absolute: " + manifest.allowed_paths.back());
      }
    }
    return {};
  }
  if (key == "files") return read_file_list(manifest, value);
  if (key == "command" || key == "environment") {
    if (!value.IsSequence()) return refuse(key + ": must be a list");
    auto& list = key == "command" ? manifest.command : manifest.environment;
    for (const auto& text : value) list.push_back(text.as<std::string>());
    return {};
  }
  const auto text = value.as<std::string>();
  if (key == "threads")
    manifest.threads = TRY(size_of(key, text, 256));
  else if (key == "stack")
    manifest.stack_size = TRY(size_of(key, text, 1ull << 30));
  else if (key == "heap")
    manifest.heap_size = TRY(size_of(key, text, 16ull << 30));
  else if (key == "memory_strategy")
    TRY(read_strategy(manifest, text));
  else if (key == "batch_pages_max")
    manifest.batch_pages_max = TRY(size_of(key, text, 4096));
  else if (key == "product_id")
    manifest.product_id = static_cast<std::uint16_t>(TRY(size_of(key, text, 0xffff)));
  else if (key == "security_version")
    manifest.security_version = static_cast<std::uint16_t>(TRY(size_of(key, text, 0xffff)));
  else if (key == "debug")
    manifest.debug = TRY(boolean_of(key, text));
  else if (key == "network")
    manifest.network = TRY(boolean_of(key, text));
  else
    return refuse("unknown key: " + key);
  return {};
}

}  // namespace

Result<Manifest> parse_manifest(const std::string& text) {
  Manifest manifest;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap() && !root.IsNull()) return refuse("the manifest must be a map of keys");
    for (const auto& entry : root) TRY(read_key(manifest, entry.first.as<std::string>(), entry.second));
  } catch (const YAML::Exception& error) {
    return refuse(error.what());
  }
  constexpr std::uint64_t kPage = 4096;
  if (manifest.threads == 0) return refuse("threads: at least 1");
  if (manifest.stack_size < 64 * 1024 || manifest.stack_size % kPage != 0)
    return refuse("stack: at least 64K, whole pages");
  if (manifest.heap_size % kPage != 0) return refuse("heap: whole pages");
  if (manifest.batch_pages_max == 0) return refuse("batch_pages_max: at least 1");
  if (manifest.strategy == shield::HeapStrategy::kSgx1 && manifest.heap_size < manifest.stack_size * 4)
    return refuse("heap: memory that cannot grow must hold at least four times the stack");
  return manifest;
}

}  // namespace clemmys::pack
