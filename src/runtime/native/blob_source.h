// blob_source.h: sealed blobs of the untrusted store, over the link to the invoker. What comes is the host's
// word: whoever asked opens it under a key that the host lacks.
#pragma once

#include "runtime/native/link.h"
#include "wire/code.h"

namespace clemmys::runtime {

class BlobSource {
 public:
  explicit BlobSource(Link& link) : link_(link) {}
  // fetch waits for one blob; the invoker sends nothing else meanwhile. kNotFound: the store has none.
  Result<Bytes> fetch(const wire::CodeId& id);

 private:
  Link& link_;
};

}  // namespace clemmys::runtime
