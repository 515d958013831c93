#include "enclave/pack/layout.h"

#include <set>

#include "shield/abi.h"

namespace clemmys::pack {
namespace {

using namespace clemmys::shield;  // NOLINT: the constants of abi.h

constexpr std::uint64_t kPlacement = 64 * 1024;  // where threads, program and tables begin: multiples of this

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

template <typename T>
Bytes bytes_of(const T& value) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  return {begin, begin + sizeof value};
}

sgx::SecinfoFlags flags_of(const Segment& segment) {
  return sgx::secinfo_regular(sgx::kSecinfoRead | (segment.writable ? sgx::kSecinfoWrite : 0) |
                              (segment.executable ? sgx::kSecinfoExecute : 0));
}

void add_elf(std::vector<Part>& parts, const Elf& elf, std::uint64_t base) {
  for (const Segment& segment : elf.segments) {
    const std::uint64_t begin = segment.address / kPageSize * kPageSize, lead = segment.address - begin;
    Part part{.offset = base + begin,
              .size = round_up(lead + segment.memory_size, kPageSize),
              .flags = flags_of(segment)};
    part.content.resize(lead);
    part.content.insert(part.content.end(), segment.content.begin(), segment.content.end());
    parts.push_back(std::move(part));
  }
}

void add_thread(std::vector<Part>& parts, const LayoutPage& page, std::uint64_t index) {
  const std::uint64_t slot = page.threads_base + index * page.thread_stride;
  const auto read_write = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite);
  sgx::Tcs tcs{};
  tcs.ossa = slot + kSlotSsaPage * kPageSize;
  tcs.nssa = kNssa;
  tcs.oentry = page.shield_entry;
  tcs.ofsbase = tcs.ogsbase = slot + kSlotDataPage * kPageSize;
  tcs.fslimit = tcs.gslimit = 0xffffffff;
  Bytes data;
  if (index == 0) {
    data.resize(kThreadStateOffset + 4);
    data[kThreadStateOffset] = kThreadSpawning;
  }
  parts.push_back({.offset = slot, .size = kPageSize, .content = bytes_of(tcs), .flags = sgx::secinfo_tcs()});
  parts.push_back({.offset = tcs.ossa, .size = kNssa * kSsaFrameSizePages * kPageSize, .flags = read_write});
  parts.push_back({.offset = slot + kSlotExceptionStackPage * kPageSize,
                   .size = kSlotExceptionStackPages * kPageSize,
                   .flags = read_write,
                   .measured = false});
  parts.push_back({.offset = slot + kSlotStackPage * kPageSize,
                   .size = kSlotStackPages * kPageSize,
                   .flags = read_write,
                   .measured = false});
  parts.push_back(
      {.offset = slot + kSlotDataPage * kPageSize, .size = kPageSize, .content = data, .flags = read_write});
}

// add_static_heap: the heap, and the parts of the shield's tables that serve it (pages.cc).
void add_static_heap(std::vector<Part>& parts, const LayoutPage& page, bool measured) {
  const auto read_write = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoWrite);
  const std::uint64_t pages = (page.heap_base + page.heap_initial_size - page.dynamic_base) / kPageSize;
  const auto add = [&](std::uint64_t offset, std::uint64_t size, bool in_measurement) {
    parts.push_back({.offset = offset, .size = size, .flags = read_write, .measured = in_measurement});
  };
  add(page.dynamic_base, round_up(pages / 8 + 1, kPageSize), false);
  add(page.dynamic_base + kBitmapSize, page.static_areas_size, false);
  add(page.dynamic_base + kBitmapSize + kAreasSize, page.static_arena_size, false);
  add(page.heap_base, page.heap_initial_size, measured);
}

// place_files puts each file at a page of its own; returns how much room all take.
std::uint64_t place_files(const std::vector<PackedFile>& files, std::uint64_t begin,
                          std::vector<Part>* parts) {
  std::uint64_t at = begin;
  for (const PackedFile& file : files) {
    const std::uint64_t size = round_up(file.content.size(), kPageSize);
    if (parts != nullptr && size > 0) {
      parts->push_back({.offset = at,
                        .size = size,
                        .content = file.content,
                        .flags = sgx::secinfo_regular(sgx::kSecinfoRead)});
    }
    at += size;
  }
  return at - begin;
}

void append_text(Bytes& bytes, const std::string& text) {
  bytes.insert(bytes.end(), text.c_str(), text.c_str() + text.size() + 1);
}

// lay_out_tables makes what the shield reads at page.cpuid_sites: sites, file entries, then texts.
Result<Bytes> lay_out_tables(LayoutPage& page, const Rewriting& rewriting, const Manifest& manifest,
                             const std::vector<PackedFile>& files) {
  std::set<std::string> paths;
  for (const PackedFile& file : files) {
    if (!paths.insert(file.path).second)
      return Error{ErrorCode::kInvalid, "pack.files.twice", "the image would have two files " + file.path};
  }
  if (files.size() > kImageFilesMax)
    return Error{ErrorCode::kTooLarge, "pack.files.count", "an image holds at most 4096 files"};
  Bytes tables;
  for (const std::uint64_t site : rewriting.cpuid_sites) {
    const Bytes word = bytes_of(page.program_base + site);
    tables.insert(tables.end(), word.begin(), word.end());
  }
  page.cpuid_count = rewriting.cpuid_sites.size();
  page.files = page.cpuid_sites + tables.size();
  page.file_count = files.size();
  Bytes texts;
  page.allowed_paths = page.files + files.size() * sizeof(FileEntry);
  for (const std::string& path : manifest.allowed_paths) append_text(texts, path);
  page.allowed_paths_size = texts.size();
  page.command = page.allowed_paths + texts.size();
  for (const std::string& argument : manifest.command) append_text(texts, argument);
  page.command_size = page.allowed_paths + texts.size() - page.command;
  page.environment = page.allowed_paths + texts.size();
  for (const std::string& variable : manifest.environment) append_text(texts, variable);
  page.environment_size = page.allowed_paths + texts.size() - page.environment;
  std::uint64_t texts_size = texts.size();
  for (const PackedFile& file : files) texts_size += file.path.size() + 1;
  std::uint64_t content = round_up(page.allowed_paths + texts_size, kPageSize);
  for (const PackedFile& file : files) {
    const Bytes entry = bytes_of(FileEntry{page.allowed_paths + texts.size(), content, file.content.size()});
    tables.insert(tables.end(), entry.begin(), entry.end());
    append_text(texts, file.path);
    content += round_up(file.content.size(), kPageSize);
  }
  tables.insert(tables.end(), texts.begin(), texts.end());
  return tables;
}

}  // namespace

Result<Layout> lay_out(Elf shield, Elf program, const Manifest& manifest,
                       const std::vector<PackedFile>& files) {
  if (shield.relocations)
    return Error{ErrorCode::kInvalid, "pack.shield.relocations", "the shield must not need relocation"};
  const Symbol* syscall_entry = shield.symbol("shield_syscall_entry");
  if (syscall_entry == nullptr)
    return Error{ErrorCode::kInvalid, "pack.shield.symbols", "this is not a shield image"};

  Layout out;
  LayoutPage page{};
  page.magic = kLayoutMagic;
  page.shield_entry = kShieldOffset + shield.entry;
  page.threads_base = round_up(kShieldOffset + shield.size, kPlacement);
  page.thread_count = manifest.threads;
  // A processor without SGX2 can add none later: an image that is to run there brings them all.
  page.thread_count_initial = manifest.heap_size > 0 ? manifest.threads : 1;
  page.thread_stride = kSlotPages * kPageSize;
  page.program_base = round_up(page.threads_base + page.thread_count * page.thread_stride, kPlacement);
  page.program_size = round_up(program.size, kPageSize);
  page.program_entry = page.program_base + program.entry;
  page.program_phdr = page.program_base + program.program_headers;
  page.program_phnum = program.program_header_count;
  page.stack_size = manifest.stack_size;
  page.manifest_flags = (manifest.network ? kAllowNetwork : 0) |
                        (manifest.allowed_paths.empty() ? 0 : kAllowHostFiles) |
                        (manifest.debug ? kDebugImage : 0);

  const std::uint64_t trampolines = round_up(page.program_size, kPlacement);  // in the program's addresses
  out.rewriting = rewrite(program, trampolines, kShieldOffset + syscall_entry->address - page.program_base);
  page.syscall_sites = out.rewriting.syscalls_found;
  page.syscalls_rewritten = out.rewriting.syscalls_rewritten;
  const Bytes& code = out.rewriting.trampolines;

  page.cpuid_sites = round_up(page.program_base + trampolines + code.size(), kPageSize);
  const Bytes tables = TRY(lay_out_tables(page, out.rewriting, manifest, files));
  const std::uint64_t files_begin = round_up(page.cpuid_sites + tables.size(), kPageSize);
  const std::uint64_t files_end = files_begin + place_files(files, files_begin, nullptr);

  page.dynamic_base = round_up(files_end, 2ull << 20);
  page.dynamic_size = kElrangeSize - page.dynamic_base;
  page.heap_base = page.dynamic_base + kTablesSize;
  page.heap_initial_size = manifest.heap_size;
  page.heap_strategy = static_cast<std::uint64_t>(manifest.strategy);
  page.batch_pages_max = manifest.batch_pages_max;
  if (manifest.heap_size > 0) {
    page.static_areas_size = kStaticAreasSize;
    page.static_arena_size = kStaticArenaSize;
  }

  const auto read_only = sgx::secinfo_regular(sgx::kSecinfoRead);
  out.parts.push_back(
      {.offset = kLayoutOffset, .size = kPageSize, .content = bytes_of(page), .flags = read_only});
  add_elf(out.parts, shield, kShieldOffset);
  for (std::uint64_t i = 0; i < page.thread_count_initial; ++i) add_thread(out.parts, page, i);
  add_elf(out.parts, program, page.program_base);
  if (!code.empty()) {
    out.parts.push_back({.offset = page.program_base + trampolines,
                         .size = round_up(code.size(), kPageSize),
                         .content = code,
                         .flags = sgx::secinfo_regular(sgx::kSecinfoRead | sgx::kSecinfoExecute)});
  }
  if (!tables.empty()) {
    out.parts.push_back({.offset = page.cpuid_sites,
                         .size = round_up(tables.size(), kPageSize),
                         .content = tables,
                         .flags = read_only});
  }
  place_files(files, files_begin, &out.parts);
  if (page.heap_initial_size > 0) add_static_heap(out.parts, page, manifest.heap_measured);
  return out;
}

}  // namespace clemmys::pack
