// detect.cc: finds the corners of the picture.
#include <clemmys/function.h>

#include "photos.h"

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    auto result = photos::detect(request.json());
    if (!result) return clemmys::fail(result.error());
    return clemmys::Response::json(*result);
  });
}
