// report.cc: draws the corners and reports them.
#include <clemmys/function.h>

#include "photos.h"

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    auto result = photos::report(request.json());
    if (!result) return clemmys::fail(result.error());
    return clemmys::Response::json(*result);
  });
}
