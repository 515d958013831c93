// What becomes of a user's module before it is translated, and the words for each that cannot be.
#include "cli/wasm_module.h"

#include <gtest/gtest.h>
#include <wabt/binary-reader-ir.h>
#include <wabt/binary-reader.h>
#include <wabt/binary-writer.h>
#include <wabt/ir.h>
#include <wabt/stream.h>
#include <wabt/wast-lexer.h>
#include <wabt/wast-parser.h>

namespace clemmys::cli {
namespace {

constexpr std::string_view kMemory = "(memory (export \"memory\") 1) ",
                           kStart = "(func (export \"_start\")) ";

Bytes wasm(std::string_view fields) {
  wabt::Features features;
  features.EnableAll();
  const std::string text = "(module " + std::string(fields) + ")";
  wabt::Errors errors;
  const auto lexer = wabt::WastLexer::CreateBufferLexer("test", text.data(), text.size(), &errors);
  std::unique_ptr<wabt::Module> module;
  wabt::WastParseOptions options(features);
  wabt::MemoryStream stream;
  const bool made =
      wabt::Succeeded(wabt::ParseWatModule(lexer.get(), &module, &errors, &options)) &&
      wabt::Succeeded(wabt::WriteBinaryModule(&stream, module.get(), {features, true, false, true}));
  EXPECT_TRUE(made) << text << (errors.empty() ? "" : errors.front().message);
  return stream.output_buffer().data;
}

Result<WasmModule> read(std::string_view fields) { return read_wasm_module(wasm(fields), "m.wasm"); }
std::string refusal(std::string_view fields) {
  const auto module = read(fields);
  return module ? "none" : std::string(module.error().site) + ": " + module.error().detail;
}
testing::AssertionResult has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos
             ? testing::AssertionSuccess()
             : testing::AssertionFailure() << '"' << text << "\" lacks " << part;
}

TEST(WasmModule, CommandsAreTakenWithTheirImports) {
  const auto module = read(
      "(import \"wasi_snapshot_preview1\" \"fd_seek\" (func (param i32 i64 i32 i32) (result i32)))"
      "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func (result i32)))"
      "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32)))"
      "(memory (export \"memory\") 17) (func (export \"_start\"))");
  ASSERT_TRUE(module) << module.error().detail;
  EXPECT_EQ(module->initial_pages, 17u);
  EXPECT_FALSE(module->imports_nothing);
  EXPECT_TRUE(read(std::string(kMemory) + std::string(kStart))->imports_nothing);
}

TEST(WasmModule, NamesDoNotReachTheTranslation) {
  constexpr std::string_view kEvil = "*/ int evil; /*";
  const Bytes file = wasm(std::string(kMemory) + std::string(kStart) +
                          "(func $evil_name (export \"*/ int evil; /*\") (result i32) (i32.const 1))");
  ASSERT_NE(as_text(file).find(kEvil), std::string_view::npos);
  ASSERT_NE(as_text(file).find("evil_name"), std::string_view::npos);
  const auto module = read_wasm_module(file, "m.wasm");
  ASSERT_TRUE(module);
  EXPECT_EQ(as_text(module->bytes).find("evil"), std::string_view::npos);
  wabt::Module written;
  wabt::Errors errors;
  ASSERT_TRUE(wabt::Succeeded(wabt::ReadBinaryIr("", module->bytes.data(), module->bytes.size(),
                                                 wabt::ReadBinaryOptions(), &errors, &written)));
  EXPECT_EQ(written.exports.size(), 2u);
  EXPECT_TRUE(has(refusal("(import \"wasi_snapshot_preview1\" \"*/ int evil; /*\" (func))" +
                          std::string(kMemory) + std::string(kStart)),
                  "cli.wasm.import"))
      << "an import by such a name is none of WASI's";
}

TEST(WasmModule, WhatIsNoModuleIsSaid) {
  const auto words = [](std::string_view file) {
    return to_string(read_wasm_module(as_bytes(file), "m.wasm").error());
  };
  EXPECT_TRUE(has(words(""), "m.wasm is not a WebAssembly module"));
  EXPECT_TRUE(has(words("(module)"), "m.wasm is not a WebAssembly module"));
  EXPECT_TRUE(has(words("\x7f"
                        "ELF"),
                  "m.wasm is not a WebAssembly module"));
  EXPECT_TRUE(has(words(std::string_view("\0asm\x0d\0\1\0", 8)), "is a component (WASI preview 2)"));
  EXPECT_TRUE(has(words(std::string_view("\0asm\1\0\0\0\1\5", 10)), "is not a valid WebAssembly module"));
  const Bytes cut = read(std::string(kMemory) + std::string(kStart))->bytes;
  for (std::size_t size = 9; size < cut.size(); ++size)
    EXPECT_FALSE(read_wasm_module(ByteView(cut).first(size), "m.wasm")) << size;
}

TEST(WasmModule, LibrariesAndOtherShapesAreRefused) {
  EXPECT_TRUE(has(refusal(kMemory), "m.wasm has no function _start: it is a library, not a command"));
  EXPECT_TRUE(has(refusal("(memory (export \"_start\") 1)"), "has no function _start"));
  EXPECT_TRUE(
      has(refusal(std::string(kMemory) + "(func (export \"_start\") (param i32))"), "cli.wasm.start_type"));
  EXPECT_TRUE(has(refusal("(memory 1) (func (export \"_start\"))"), "does not export its memory"));
  EXPECT_TRUE(has(refusal(kStart), "does not export its memory"));
  EXPECT_TRUE(
      has(refusal(std::string(kMemory) + std::string(kStart) + "(table 2000000 funcref)"), "cli.wasm.table"));
  EXPECT_TRUE(
      has(refusal(std::string(kMemory) + std::string(kStart) + "(table 1 externref)"), "cli.wasm.table"));
}

TEST(WasmModule, FunctionsOfTooManyVariablesAreRefused) {
  const auto with_locals = [](int count) {
    std::string locals;
    for (int i = 0; i < count; ++i) locals += " i64";
    return std::string(kMemory) + "(func (export \"_start\") (local" + locals + "))";
  };
  EXPECT_TRUE(read(with_locals(10'000)));
  EXPECT_TRUE(has(refusal(with_locals(10'001)), "cli.wasm.locals"));
}

TEST(WasmModule, UnknownImportsAreNamed) {
  const std::string rest = std::string(kMemory) + std::string(kStart);
  for (const char* import : {"\"env\" \"print\" (func)",
                             "\"wasi_unstable\" \"fd_write\" (func (param i32 i32 i32 i32) (result i32))",
                             "\"env\" \"g\" (global i32)", "\"env\" \"t\" (table 1 funcref)",
                             "\"wasi_snapshot_preview1\" \"fd_write\" (global i32)"}) {
    EXPECT_TRUE(has(refusal("(import " + std::string(import) + ")" + rest), "which a function does not have"))
        << import;
  }
  EXPECT_TRUE(has(refusal("(import \"env\" \"print\" (func))" + rest), "m.wasm imports env.print"));
  EXPECT_TRUE(has(refusal("(import \"env\" \"memory\" (memory 1))" + std::string(kStart)),
                  "m.wasm imports env.memory"));
}

TEST(WasmModule, ImportsOfAnotherTypeAreRefused) {
  for (const char* type :
       {"(param i32 i32 i32) (result i32)", "(param i32 i32 i32 i64) (result i32)",
        "(param i32 i32 i32 i32) (result i64)", "(param i32 i32 i32 i32)",
        "(param i32 i32 i32 f32) (result i32)", "(param i32 i32 i32 i32) (result i32 i32)"}) {
    EXPECT_TRUE(has(refusal("(import \"wasi_snapshot_preview1\" \"fd_write\" (func " + std::string(type) +
                            "))" + std::string(kMemory) + std::string(kStart)),
                    "cli.wasm.import_type"))
        << type;
  }
  EXPECT_TRUE(
      has(refusal("(import \"wasi_snapshot_preview1\" \"proc_exit\" (func (param i32) (result i32)))" +
                  std::string(kMemory) + std::string(kStart)),
          "cli.wasm.import_type"));
}

TEST(WasmModule, FeaturesThatCannotBeTranslatedAreNamed) {
  const std::string rest = std::string(kMemory) + std::string(kStart);
  EXPECT_TRUE(has(refusal(rest + "(func (drop (v128.const i32x4 0 0 0 0)))"), "uses SIMD instructions"));
  EXPECT_TRUE(has(refusal("(memory (export \"memory\") 1 1 shared) " + std::string(kStart)), "uses threads"));
  EXPECT_TRUE(has(refusal(rest + "(func (drop (i32.atomic.load (i32.const 0))))"), "uses threads"));
  EXPECT_TRUE(
      has(refusal("(memory (export \"memory\") i64 1) " + std::string(kStart)), "uses 64-bit memory"));
  EXPECT_TRUE(has(refusal(rest + "(tag) (func (throw 0))"), "uses exception handling"));
  EXPECT_TRUE(has(refusal(rest + "(func $f (return_call $f))"), "uses tail calls"));
  EXPECT_TRUE(has(refusal(rest + "(memory 1)"), "uses more than one memory"));
}

}  // namespace
}  // namespace clemmys::cli
