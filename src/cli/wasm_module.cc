#include "cli/wasm_module.h"

#include <wabt/binary-reader-ir.h>
#include <wabt/binary-reader.h>
#include <wabt/binary-writer.h>
#include <wabt/error-formatter.h>
#include <wabt/ir.h>
#include <wabt/stream.h>
#include <wabt/validator.h>

#include <algorithm>
#include <string>

#include "cli/outcome.h"
#include "runtime/wasi/call_list.h"

namespace clemmys::cli {
namespace {

constexpr std::string_view kWasi = "wasi_snapshot_preview1";
constexpr std::uint64_t kTableElementsMax = 1u << 20;  // 24 bytes each, beside the module's memory
constexpr wabt::Index kLocalsMax = 10'000;             // of one function: compilers take minutes for more

// Call is a function that modules may import: its parameters as "u32, u64".
struct Call {
  std::string_view name, parameters;
};
#define CLEMMYS_WASI_ROW(name, ...) {#name, #__VA_ARGS__},
constexpr Call kCalls[] = {CLEMMYS_WASI_CALLS(CLEMMYS_WASI_ROW) CLEMMYS_WASI_CALLS_MISSING(CLEMMYS_WASI_ROW)};
#undef CLEMMYS_WASI_ROW

// Feature is one that wasm2c does not translate.
struct Feature {
  void (wabt::Features::*enable)();
  const char *name, *to_do;
};
constexpr Feature kMissing[] = {
    {&wabt::Features::enable_simd, "SIMD instructions", "compile with -mno-simd128"},
    {&wabt::Features::enable_threads, "threads (atomic instructions or shared memory)",
     "compile for wasm32-wasi with one thread"},
    {&wabt::Features::enable_memory64, "64-bit memory", "compile for wasm32"},
    {&wabt::Features::enable_exceptions, "exception handling", "compile with -fno-exceptions"},
    {&wabt::Features::enable_tail_call, "tail calls", "compile with -mno-tail-call"},
    {&wabt::Features::enable_multi_memory, "more than one memory", "link it to one"},
    {&wabt::Features::enable_extended_const, "extended constant expressions",
     "compile with -mno-extended-const"},
    {&wabt::Features::enable_gc, "garbage collection", "compile to linear memory"},
};

Error refused(std::string_view site, std::string why, std::string to_do) {
  return failure(ErrorCode::kInvalid, site, std::move(why), std::move(to_do));
}

wabt::Features supported() {
  wabt::Features features;
  features.disable_simd();
  return features;
}

bool read(ByteView file, const wabt::Features& features, wabt::Module& module, wabt::Errors& errors) {
  const wabt::ReadBinaryOptions options(features, nullptr, false, true, false);
  return wabt::Succeeded(wabt::ReadBinaryIr("module", file.data(), file.size(), options, &errors, &module)) &&
         wabt::Succeeded(wabt::ValidateModule(&module, &errors, wabt::ValidateOptions(features)));
}

// why_not says why a module that cannot be read is none: for a feature that it uses, or at all.
Error why_not(ByteView file, const std::string& name, const wabt::Errors& errors) {
  for (const Feature& feature : kMissing) {
    wabt::Features features = supported();
    (features.*feature.enable)();
    wabt::Module module;
    wabt::Errors ignored;
    if (read(file, features, module, ignored))
      return refused("cli.wasm.feature", name + " uses " + feature.name + ", which cannot be translated",
                     feature.to_do);
  }
  const std::string word = errors.empty() ? "no reason given" : errors.front().message;
  return refused("cli.wasm.invalid", name + " is not a valid WebAssembly module: " + word,
                 "compile it anew, for wasm32-wasi and the features of WebAssembly 2.0 without SIMD");
}

Status check_header(ByteView file, const std::string& name) {
  const std::string_view text = as_text(file);
  if (!text.starts_with(std::string_view("\0asm", 4)))
    return refused("cli.wasm.magic", name + " is not a WebAssembly module",
                   "name the .wasm file that a compiler made; text (.wat) becomes one with wat2wasm");
  if (text.substr(4, 4) == std::string_view("\x0d\0\1\0", 4))
    return refused("cli.wasm.component",
                   name + " is a component (WASI preview 2), which cannot be translated",
                   "compile for WASI preview 1: wasm32-wasi, in newer Rust wasm32-wasip1");
  return {};
}

std::string type_names(const wabt::TypeVector& types) {
  std::string names;
  for (const wabt::Type type : types) {
    if (!names.empty()) names += ", ";
    names += type == wabt::Type::I32 ? "u32" : type == wabt::Type::I64 ? "u64" : type.GetName();
  }
  return names;
}

Status check_import(const wabt::Import& import, const std::string& name) {
  const std::string full = import.module_name + "." + import.field_name;
  const auto found = std::ranges::find(kCalls, std::string_view(import.field_name), &Call::name);
  const bool exits = import.field_name == "proc_exit";
  if (import.kind() != wabt::ExternalKind::Func || import.module_name != kWasi ||
      (found == std::end(kCalls) && !exits)) {
    return refused("cli.wasm.import", name + " imports " + full + ", which a function does not have",
                   "import functions of wasi_snapshot_preview1 only; docs/wasm.md lists them");
  }
  const wabt::FuncSignature& type = static_cast<const wabt::FuncImport&>(import).func.decl.sig;
  if (type_names(type.param_types) != (exits ? "u32" : found->parameters) ||
      type_names(type.result_types) != (exits ? "" : "u32")) {
    return refused("cli.wasm.import_type", name + " imports " + full + " with another type than WASI's",
                   "compile it with a WASI library of preview 1");
  }
  return {};
}

Status check(const wabt::Module& module, const std::string& name) {
  for (const wabt::Import* import : module.imports) TRY(check_import(*import, name));
  const wabt::Export* start = module.GetExport("_start");
  if (start == nullptr || start->kind != wabt::ExternalKind::Func) {
    return refused("cli.wasm.start", name + " has no function _start: it is a library, not a command",
                   "give it a main; do not link with -mexec-model=reactor, nor Rust as cdylib");
  }
  const wabt::FuncSignature& type = module.GetFunc(start->var)->decl.sig;
  if (!type.param_types.empty() || !type.result_types.empty())
    return refused("cli.wasm.start_type", name + "'s _start has parameters or a result",
                   "link it with WASI's crt1");
  const wabt::Export* memory = module.GetExport("memory");
  if (memory == nullptr || memory->kind != wabt::ExternalKind::Memory || module.memories.size() != 1)
    return refused("cli.wasm.memory", name + " does not export its memory as \"memory\"",
                   "link it as WASI's commands are");
  for (const wabt::Table* table : module.tables) {
    if (table->elem_type != wabt::Type::FuncRef || table->elem_limits.initial > kTableElementsMax)
      return refused("cli.wasm.table",
                     name + " has a table of more than a million elements, or not of functions",
                     "compile it without reference types");
  }
  for (const wabt::Func* function : module.funcs) {
    if (function->GetNumParamsAndLocals() > kLocalsMax)
      return refused("cli.wasm.locals", name + " has a function of more than 10,000 variables",
                     "compile it with optimisation");
  }
  return {};
}

}  // namespace

bool is_wasm(const std::filesystem::path& path) { return path.extension() == ".wasm"; }

Result<WasmModule> read_wasm_module(ByteView file, const std::string& name) {
  TRY(check_header(file, name));
  wabt::Module module;
  wabt::Errors errors;
  if (!read(file, supported(), module, errors)) return why_not(file, name, errors);
  TRY(check(module, name));
  std::erase_if(module.exports,
                [](const wabt::Export* each) { return each->name != "_start" && each->name != "memory"; });
  wabt::MemoryStream stream;
  if (wabt::Failed(wabt::WriteBinaryModule(&stream, &module, {supported(), true, false, false})))
    return Error{ErrorCode::kInternal, "cli.wasm.write"};
  return WasmModule{.bytes = std::move(stream.output_buffer().data),
                    .initial_pages = static_cast<std::uint32_t>(module.memories.front()->page_limits.initial),
                    .imports_nothing = module.imports.empty()};
}

}  // namespace clemmys::cli
