#include "enclave/pack/rewrite.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <optional>
#include <set>

namespace clemmys::pack {
namespace {

struct Instruction {
  std::uint64_t address = 0;
  std::uint8_t size = 0;
  bool movable = false;  // means the same at another address and falls through
  bool is_syscall = false, is_cpuid = false;
  std::optional<std::uint64_t> target;  // of a direct jump or call
};

class Decoder {
 public:
  Decoder() { ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64); }

  std::optional<Instruction> decode(const Segment& segment, std::uint64_t address) const {
    const std::uint64_t offset = address - segment.address;
    ZydisDecodedInstruction raw;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder_, segment.content.data() + offset,
                                             segment.content.size() - offset, &raw, operands))) {
      return {};
    }
    Instruction out{.address = address, .size = raw.length};
    out.is_syscall = raw.mnemonic == ZYDIS_MNEMONIC_SYSCALL && raw.length == 2;
    out.is_cpuid = raw.mnemonic == ZYDIS_MNEMONIC_CPUID && raw.length == 2;
    const bool relative = (raw.attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0;
    if (relative && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
      std::uint64_t target = 0;
      if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&raw, &operands[0], address, &target))) out.target = target;
    }
    switch (raw.meta.category) {
      case ZYDIS_CATEGORY_CALL:
      case ZYDIS_CATEGORY_COND_BR:
      case ZYDIS_CATEGORY_UNCOND_BR:
      case ZYDIS_CATEGORY_RET:
      case ZYDIS_CATEGORY_INTERRUPT:
      case ZYDIS_CATEGORY_SYSCALL:
      case ZYDIS_CATEGORY_SYSTEM:
        break;
      default:
        out.movable = !relative && raw.mnemonic != ZYDIS_MNEMONIC_UD2 && raw.mnemonic != ZYDIS_MNEMONIC_HLT &&
                      raw.mnemonic != ZYDIS_MNEMONIC_ENDBR64;
    }
    return out;
  }

 private:
  ZydisDecoder decoder_;
};

// decode_functions decodes every function that a sized symbol bounds, from its first byte on, so that
// constants between functions (OpenSSL's tables) are never taken for code. Without symbols, whole executable
// segments.
std::vector<Instruction> decode_functions(const Elf& elf) {
  const Decoder decoder;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const Symbol& symbol : elf.functions) {
    if (symbol.size > 0) ranges.emplace_back(symbol.address, symbol.address + symbol.size);
  }
  if (elf.functions.empty()) {
    for (const Segment& segment : elf.segments) {
      if (segment.executable) ranges.emplace_back(segment.address, segment.address + segment.content.size());
    }
  }
  std::ranges::sort(ranges);
  std::vector<Instruction> all;
  std::uint64_t done = 0;
  for (auto [begin, end] : ranges) {
    if (begin < done) continue;  // an alias
    const Segment* segment = elf.segment_at(begin);
    for (std::uint64_t at = begin; at < end;) {
      const auto instruction = decoder.decode(*segment, at);
      if (instruction) all.push_back(*instruction);
      at += instruction ? instruction->size : 1;
      done = at;
    }
  }
  return all;
}

void put_relative(Bytes& code, std::uint64_t code_address, std::uint64_t target) {
  const auto distance = static_cast<std::int32_t>(target - (code_address + code.size() + 4));
  for (int i = 0; i < 4; ++i)
    code.push_back(static_cast<std::uint8_t>(static_cast<std::uint32_t>(distance) >> (8 * i)));
}

struct Patch {
  std::uint64_t begin = 0, end = 0;  // bytes of the program to overwrite
  Bytes before, after;               // instructions moved in front of and behind the call
};

}  // namespace

Rewriting rewrite(Elf& elf, std::uint64_t trampoline_address, std::uint64_t shield_syscall) {
  constexpr std::uint64_t kJumpSize = 5;
  Rewriting result;
  const std::vector<Instruction> code = decode_functions(elf);
  std::set<std::uint64_t> targets;
  for (const Instruction& instruction : code) {
    if (instruction.target) targets.insert(*instruction.target);
  }
  for (const Symbol& symbol : elf.functions) targets.insert(symbol.address);
  const auto no_target_within = [&](std::uint64_t begin, std::uint64_t end) {  // begin itself may be one
    const auto next = targets.upper_bound(begin);
    return next == targets.end() || *next >= end;
  };
  const auto segment_bytes = [&](std::uint64_t address) {
    auto* segment = const_cast<Segment*>(elf.segment_at(address));
    return segment->content.data() + (address - segment->address);
  };
  const auto copy = [&](const Instruction& i) {
    return Bytes(segment_bytes(i.address), segment_bytes(i.address) + i.size);
  };
  const auto plan = [&](std::size_t index) -> std::optional<Patch> {
    const Instruction& site = code[index];
    const std::uint64_t site_end = site.address + site.size;
    if (index > 0) {  // `mov $number,%eax; syscall`
      const Instruction& previous = code[index - 1];
      if (previous.movable && previous.address + previous.size == site.address &&
          previous.size + site.size >= kJumpSize && no_target_within(previous.address, site_end)) {
        return Patch{previous.address, site_end, copy(previous), {}};
      }
    }
    if (index + 1 < code.size()) {  // `syscall; cmp $-4096,%rax`
      const Instruction& next = code[index + 1];
      if (next.movable && next.address == site_end && next.size + site.size >= kJumpSize &&
          no_target_within(site.address, next.address + next.size)) {
        return Patch{site.address, next.address + next.size, {}, copy(next)};
      }
    }
    return {};
  };

  std::uint64_t patched_end = 0;
  for (std::size_t index = 0; index < code.size(); ++index) {
    const Instruction& site = code[index];
    if (site.is_cpuid) {
      segment_bytes(site.address)[1] = 0x0b;  // ud2
      result.cpuid_sites.push_back(site.address);
    }
    if (!site.is_syscall) continue;
    ++result.syscalls_found;
    const auto patch = plan(index);
    if (!patch || patch->begin < patched_end) continue;
    patched_end = patch->end;
    Bytes& out = result.trampolines;
    const std::uint64_t entry = trampoline_address + out.size();
    out.insert(out.end(), patch->before.begin(), patch->before.end());
    out.insert(out.end(), {0x48, 0x8d, 0x0d});  // lea back(%rip),%rcx
    put_relative(out, trampoline_address,
                 patch->after.empty() ? patch->end : trampoline_address + out.size() + 4 + 5);
    out.push_back(0xe9);  // jmp shield_syscall_entry
    put_relative(out, trampoline_address, shield_syscall);
    if (!patch->after.empty()) {
      out.insert(out.end(), patch->after.begin(), patch->after.end());
      out.push_back(0xe9);
      put_relative(out, trampoline_address, patch->end);
    }
    Bytes jump = {0xe9};
    put_relative(jump, patch->begin, entry);
    jump.resize(patch->end - patch->begin, 0x90);
    std::ranges::copy(jump, segment_bytes(patch->begin));
    ++result.syscalls_rewritten;
  }
  return result;
}

}  // namespace clemmys::pack
