// The packer's input. A program that the ELF reader takes must be one that it can lay out: no page writable
// and executable, parts in order and apart, each `cpuid` site a `cpuid` of the program, code changed only
// where it says so; and a small one becomes an image that the loader takes. Manifests: whatever parses is
// within limits.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "enclave/image.h"
#include "enclave/pack/writer.h"
#include "fuzz.h"

namespace clemmys::fuzz {
namespace {

using namespace pack;

enum Selector : std::uint8_t { kFile, kCode, kManifest, kSelectors };

constexpr std::uint64_t kCodeAddress = 0x1000, kImageSizeMax = 1 << 18;

template <typename T>
void append(Bytes& out, const T& value) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  out.insert(out.end(), begin, begin + sizeof value);
}

// elf_of is a static-PIE program of one page of headers and this code, with one function over all of it.
Bytes elf_of(ByteView code, std::string_view function) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_entry = kCodeAddress;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 2;
  const std::uint64_t names = kCodeAddress + code.size(), symbols = names + function.size() + 2;
  header.e_shoff = symbols + sizeof(Elf64_Sym);
  Bytes out;
  append(out, header);
  append(out,
         Elf64_Phdr{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = 256, .p_memsz = 256, .p_align = 4096});
  append(out, Elf64_Phdr{.p_type = PT_LOAD,
                         .p_flags = PF_R | PF_X,
                         .p_offset = kCodeAddress,
                         .p_vaddr = kCodeAddress,
                         .p_filesz = code.size(),
                         .p_memsz = code.size(),
                         .p_align = 4096});
  out.resize(kCodeAddress);
  out.insert(out.end(), code.begin(), code.end());
  out.push_back(0);
  out.insert(out.end(), function.begin(), function.end());
  out.push_back(0);
  Elf64_Sym symbol{.st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1};
  symbol.st_value = kCodeAddress;
  symbol.st_size = code.size();
  append(out, symbol);
  append(out,
         Elf64_Shdr{.sh_type = SHT_SYMTAB, .sh_offset = symbols, .sh_size = sizeof(Elf64_Sym), .sh_link = 1});
  append(out, Elf64_Shdr{.sh_type = SHT_STRTAB, .sh_offset = names, .sh_size = function.size() + 2});
  return out;
}

const Elf& shield() {
  static const Elf kShield = read_elf(elf_of(Bytes(64, 0x90), "shield_syscall_entry")).value();
  return kShield;
}

const sgx::SigningKey& key() {
  static const sgx::SigningKey kKey = sgx::SigningKey::generate().value();
  return kKey;
}

std::uint8_t byte_at(const Elf& elf, std::uint64_t address) {
  const Segment* segment = elf.segment_at(address);
  CHECK(segment != nullptr);
  return segment->content[address - segment->address];
}

// A program that was taken: every segment within the file's size, apart, and not writable code.
void check_elf(const Elf& elf, std::size_t file_size) {
  std::uint64_t end = 0, content = 0;
  for (const Segment& segment : elf.segments) {
    CHECK(segment.address >= end && segment.memory_size >= segment.content.size());
    CHECK(!segment.writable || !segment.executable);
    end = segment.address + segment.memory_size;
    content += segment.content.size();
  }
  CHECK(content <= file_size);
  for (const Symbol& symbol : elf.functions) {
    const Segment* segment = elf.segment_at(symbol.address);
    CHECK(segment != nullptr && segment->executable);
    CHECK(symbol.address + symbol.size <= segment->address + segment->content.size());
  }
}

void check_layout(const Elf& before, const Layout& layout, const Manifest& manifest) {
  std::uint64_t end = 0;
  for (const Part& part : layout.parts) {
    CHECK(part.offset >= end && part.offset % sgx::kPageSize == 0 && part.size % sgx::kPageSize == 0);
    CHECK(part.content.size() <= part.size);
    CHECK((part.flags.bits & (sgx::kSecinfoWrite | sgx::kSecinfoExecute)) !=
          (sgx::kSecinfoWrite | sgx::kSecinfoExecute));
    end = part.offset + part.size;
  }
  const Rewriting& code = layout.rewriting;
  CHECK(code.syscalls_rewritten <= code.syscalls_found);
  CHECK(std::ranges::is_sorted(code.cpuid_sites));
  CHECK(std::ranges::adjacent_find(code.cpuid_sites) == code.cpuid_sites.end());
  for (const std::uint64_t site : code.cpuid_sites)
    CHECK(byte_at(before, site) == 0x0f && byte_at(before, site + 1) == 0xa2);
  const bool small = before.size <= kImageSizeMax && manifest.heap_size == 0 && manifest.threads <= 2;
  if (!small) return;
  const auto image = write_image(layout, manifest, key());
  CHECK(image.has_value());
  const auto info = enclave::parse_image(image->file);
  // Without a heap in the image, threads beyond the first are made at run time.
  CHECK(info && info->measurement == image->measurement && info->thread_count == 1);
}

// What a program asks to be linked with: names, and nothing that leads elsewhere.
void check_linking(ByteView file) {
  const auto linking = read_linking(file);
  if (!linking) return;
  CHECK(linking->interpreter.size() < 4096);
  for (const std::string& name : linking->needed)
    CHECK(!name.empty() && name.size() < 4096 && name.find('/') == name.npos);
}

void try_file(ByteView file) {
  check_linking(file);
  const auto program = read_elf(file);
  if (!program) return;
  check_elf(*program, file.size());
  const Manifest manifest{.threads = 1};
  const auto layout = lay_out(shield(), *program, manifest);
  if (layout) check_layout(*program, *layout, manifest);
}

void try_manifest(ByteView text) {
  const auto manifest = parse_manifest(std::string(as_text(text)));
  if (!manifest) return;
  CHECK(manifest->threads >= 1 && manifest->threads <= 256);
  const auto layout = lay_out(shield(), shield(), *manifest);
  if (layout) check_layout(shield(), *layout, *manifest);
}

// hostile_elfs: one thing each that a program may not say, or that only a careless reader believes.
std::vector<Bytes> hostile_elfs(ByteView code) {
  const Bytes good = elf_of(code, "main");
  std::vector<Bytes> all;
  const auto header = [&](auto change) {
    Bytes file = good;
    Elf64_Ehdr value;
    std::memcpy(&value, file.data(), sizeof value);
    change(value);
    std::memcpy(file.data(), &value, sizeof value);
    all.push_back(file);
  };
  const auto segment = [&](std::size_t index, auto change) {
    Bytes file = good;
    Elf64_Phdr value;
    std::memcpy(&value, file.data() + sizeof(Elf64_Ehdr) + index * sizeof value, sizeof value);
    change(value);
    std::memcpy(file.data() + sizeof(Elf64_Ehdr) + index * sizeof value, &value, sizeof value);
    all.push_back(file);
  };
  header([](Elf64_Ehdr& it) { it.e_phoff = ~0ull - 8; });
  header([](Elf64_Ehdr& it) { it.e_phnum = 64; });
  header([](Elf64_Ehdr& it) { it.e_type = ET_EXEC; });
  header([](Elf64_Ehdr& it) { it.e_entry = 0; });
  header([](Elf64_Ehdr& it) { it.e_shoff = ~0ull - 32; });
  header([](Elf64_Ehdr& it) { it.e_shnum = 0xffff; });
  segment(1, [](Elf64_Phdr& it) { it.p_flags = PF_R | PF_W | PF_X; });
  segment(1, [](Elf64_Phdr& it) { it.p_filesz = ~0ull; });
  segment(1, [](Elf64_Phdr& it) { it.p_memsz = ~0ull - it.p_vaddr; });
  segment(1, [](Elf64_Phdr& it) { it.p_vaddr = 0; });  // over the headers
  segment(1, [](Elf64_Phdr& it) { it.p_vaddr = ~0ull - 0xfff; });
  segment(1, [](Elf64_Phdr& it) { it.p_offset = ~0ull; });
  segment(1, [](Elf64_Phdr& it) { it.p_offset = 0; });  // shares the headers' bytes
  segment(0, [](Elf64_Phdr& it) { it.p_type = PT_INTERP; });
  segment(0, [](Elf64_Phdr& it) { it.p_type = PT_DYNAMIC; });
  segment(0, [](Elf64_Phdr& it) { it.p_type = PT_TLS; });
  return all;
}

}  // namespace

std::vector<Bytes> seeds() {
  // mov $1,%eax; syscall; cpuid; syscall; cmp $-4096,%rax; jmp to the first syscall; ret
  const Bytes code = {0xb8, 1,    0,    0, 0,    0x0f, 0x05, 0x0f, 0xa2, 0x0f,
                      0x05, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff, 0xeb, 0xf2, 0xc3};
  std::vector<Bytes> all = {
      tagged(kFile, elf_of(code, "main")), tagged(kCode, code),
      tagged(kManifest,
             as_bytes("threads: 2\nstack: 1M\nheap: 64K\ndebug: true\nallowed_paths: [/state]\n"))};
  all.push_back(tagged(kManifest, as_bytes("threads: 2\n")));
  for (const Bytes& file : hostile_elfs(code)) all.push_back(tagged(kFile, file));
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kFile:
      try_file(input);
      break;
    case kCode:
      if (!input.empty()) try_file(elf_of(input, "main"));
      break;
    default:
      try_manifest(input);
      break;
  }
  return 0;
}
