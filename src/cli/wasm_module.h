// wasm_module.h: what a user's WebAssembly module is, before anything is made of it.
//
// Idea: of the user's bytes only what libwabt read and validated goes on, written anew: no names, no custom
// sections, no exports but those that the runtime calls. wasm2c puts names of imports and exports into
// comments of its C as they are: a name must never become code. Trust: the user's machine; the module is not
// trusted.
#pragma once

#include <filesystem>

#include "base/bytes.h"

namespace clemmys::cli {

struct WasmModule {
  Bytes bytes;
  std::uint32_t initial_pages = 0;  // of its memory, 64 KiB each
  bool imports_nothing = false;
};

// read_wasm_module refuses, each with its own words: what is no module, a component, a feature that wasm2c
// cannot translate, an import that is not of wasi_snapshot_preview1 or of another type, a module without
// _start or memory.
Result<WasmModule> read_wasm_module(ByteView file, const std::string& name);

bool is_wasm(const std::filesystem::path& path);

}  // namespace clemmys::cli
