// hello.cc: the smallest JSON function: {"name":"World"} → {"greeting":"Hello, World!"}.
#include <clemmys/function.h>

#include <boost/json.hpp>

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    boost::system::error_code error;
    const boost::json::value parameters = boost::json::parse(request.json(), error);
    if (error || !parameters.is_object())
      return clemmys::fail("hello takes a JSON object such as {\"name\":\"World\"}");
    const boost::json::value* name = parameters.as_object().if_contains("name");
    if (name == nullptr || !name->is_string())
      return clemmys::fail("the parameter \"name\" must be a string");
    const boost::json::object greeting{{"greeting", "Hello, " + std::string(name->as_string()) + "!"}};
    return clemmys::Response::json(boost::json::serialize(greeting));
  });
}
