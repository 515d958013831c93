#include "runtime/js/image_data.h"

extern "C" {
extern const std::uint8_t clemmys_js_snapshot[], clemmys_js_snapshot_end[], clemmys_js_builtins[],
    clemmys_js_builtins_end[];
}

namespace clemmys::runtime::js {

ByteView initial_snapshot() { return {clemmys_js_snapshot, clemmys_js_snapshot_end}; }
ByteView builtins_archive() { return {clemmys_js_builtins, clemmys_js_builtins_end}; }

}  // namespace clemmys::runtime::js
