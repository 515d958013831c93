// trace.cc: a step that can be told from every other: it adds "label:value" to the trace, so that a chain's
// answer names each step that ran, in order, and the request that it belongs to. Parameters that an action
// may have: pause_ms makes the handler wait so long; logged_backwards is logged backwards, so that only the
// log holds those bytes.
#include <clemmys/function.h>

#include <boost/json.hpp>
#include <chrono>
#include <thread>

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    namespace json = boost::json;
    json::object in = json::parse(request.json()).as_object();
    json::array trace;
    if (const json::value* before = in.if_contains("trace")) trace = before->as_array();
    // The label is this action's own default parameter; the value travels with the request.
    const json::value defaults = json::parse(request.parameters_json);
    trace.emplace_back(std::string(defaults.at("label").as_string()) + ":" + json::serialize(in.at("value")));
    if (const json::value* text = defaults.as_object().if_contains("logged_backwards"))
      clemmys::log(std::string(text->as_string().rbegin(), text->as_string().rend()));
    if (const json::value* pause = defaults.as_object().if_contains("pause_ms"))
      std::this_thread::sleep_for(std::chrono::milliseconds(pause->as_int64()));
    return clemmys::Response::json(
        json::serialize(json::object{{"value", in.at("value")}, {"trace", trace}}));
  });
}
