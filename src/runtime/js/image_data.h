// image_data.h: what the build made and the image carries: the snapshot every engine starts from, and the
// built-in modules.
#pragma once

#include "base/bytes.h"

namespace clemmys::runtime::js {

ByteView initial_snapshot();  // snapshot.h, encode
ByteView builtins_archive();  // a zip archive: builtins/NAME.js

}  // namespace clemmys::runtime::js
