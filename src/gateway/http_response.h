// http_response.h: a response as bytes, header by Beast. Inner header of gateway/.
#pragma once

#include <string>

#include "gateway/http_types.h"

namespace clemmys::gateway {

// append_response appends header and body. `head_only`: the answer to HEAD.
void append_response(std::string& out, const HttpResponse& response, std::string_view transaction,
                     bool keep_alive, bool head_only);

// choose_transaction keeps a client's X-Request-ID when it is short and plain, else draws one.
std::string choose_transaction(std::string_view given);

}  // namespace clemmys::gateway
