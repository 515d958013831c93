// scale.cc: a JPEG in, a smaller one out.
#include <clemmys/function.h>

#include "photos.h"

int main() {
  return clemmys::serve([](const clemmys::Request& request) -> clemmys::Result<clemmys::Response> {
    if (request.content_type != clemmys::ContentType::kOctets)
      return clemmys::fail("scale takes a JPEG as bytes: send it with Content-Type: image/jpeg");
    auto result = photos::scale(request.body);
    if (!result) return clemmys::fail(result.error());
    return clemmys::Response::json(*result);
  });
}
