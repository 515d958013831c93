#include "runtime/wasi/command.h"

#include <stdio.h>

#include "runtime/native/merge.h"
#include "wire/envelope.h"
#include "wire/links.h"

namespace clemmys::runtime::wasi {
namespace {

Reply fault(std::string text) { return {Reply::Kind::kFault, true, {}, std::move(text)}; }

void log_line(std::string_view line) {
  fwrite(line.data(), 1, line.size(), stdout);
  fputc('\n', stdout);
}
void log_error(std::string_view piece) { fwrite(piece.data(), 1, piece.size(), stderr); }

Process::Start start_of(const Call& call) {
  return {.arguments = {call.action_name},
          .environment = {"__OW_NAMESPACE=" + call.namespace_name, "__OW_ACTION_NAME=" + call.action_name,
                          "__OW_ACTION_VERSION=" + call.action_version,
                          "__OW_ACTIVATION_ID=" + call.activation_id,
                          "__OW_DEADLINE=" + std::to_string(call.deadline_unix_ms)},
          .input = call.body};
}

}  // namespace

Command::Command(const clemmys_translated_module& module, const Clock& clock)
    : module_(module), clock_(clock) {
  module_.initialize();
  clear_instance();
}

void Command::clear_instance() {
  instance_.assign(module_.instance_size / sizeof(std::max_align_t) + 1, std::max_align_t{});
}

// run instantiates the module and starts it; whatever came of it, nothing of it is left afterwards.
wasm::Trap Command::run(Process& process) {
  void* const instance = instance_.data();
  Z_wasi_snapshot_preview1_instance_t wasi{.process = &process, .memory = module_.memory(instance)};
  const wasm::Trap trap = wasm::enter([&] {
    module_.instantiate(instance, &wasi);
    module_.start(instance);
  });
  module_.release(instance);
  clear_instance();
  return trap;
}

Reply Command::call(const Call& call) {
  const std::size_t size_max = wasm::sandbox_size(call.memory_mib);
  if (module_.initial_pages > size_max / wasm::kPageSize)
    return fault("The action's module begins with " +
                 std::to_string(std::size_t{module_.initial_pages} * wasm::kPageSize) +
                 " bytes of memory; its limit leaves it " + std::to_string(size_max) + ".");
  const wasm::MemoryLimit limit(size_max);
  const wasm::Deadline deadline(clock_, wasm::deadline_ns(clock_, call.timeout_ms, call.deadline_unix_ms));
  Process process(start_of(call), clock_, deadline, Output(log_line, wire::kPayloadSizeMaxHard), log_error);
  const wasm::Trap trap = run(process);
  return reply(call, process, trap, limit.was_met());
}

Reply Command::reply(const Call& call, Process& process, wasm::Trap trap, bool out_of_memory) {
  Output::Line line = process.output().take();
  if (trap == wasm::Trap::kOutOfTime || process.out_of_time())
    return {Reply::Kind::kOutOfTime, true, {}, wire::text::time_exceeded(call.timeout_ms)};
  if (trap != wasm::Trap::kNone && !process.status()) {
    log_line(as_text(line.text));
    log_error("The module was stopped: " + std::string(wasm::name(trap)) + ".\n");
    return fault(std::string(out_of_memory ? wire::text::kMemoryExhausted : wire::text::kAbnormalRun));
  }
  if (const std::uint32_t status = process.status().value_or(0); status != 0) {
    log_line(as_text(line.text));
    log_error("The module ended with exit status " + std::to_string(status) + ".\n");
    return fault(std::string(wire::text::kAbnormalRun));
  }
  if (line.size > line.text.size()) return fault(wire::text::too_long(line.size, wire::kPayloadSizeMaxHard));
  return {Reply::Kind::kAnswer, true, std::move(line.text), {}};
}

}  // namespace clemmys::runtime::wasi
