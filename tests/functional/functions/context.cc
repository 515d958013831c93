// context.cc: a function that answers with what it is told about its call.
#include <clemmys/function.h>

#include <string>

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    const clemmys::Context& call = request.context;
    return clemmys::Response::json("{\"name\":\"" + call.action_name + "\",\"namespace\":\"" +
                                   call.namespace_name + "\",\"version\":\"" + call.action_version +
                                   "\",\"activation\":\"" + call.activation_id + "\",\"deadline\":\"" +
                                   std::to_string(call.deadline_unix_ms) + "\"}");
  });
}
