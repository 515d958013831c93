#include "enclave/pack/elf.h"

#include <elf.h>

#include <algorithm>

namespace clemmys::pack {
namespace {

Error refuse(std::string_view site, std::string detail) {
  return {ErrorCode::kInvalid, site, std::move(detail)};
}

// at copies a T out of the file, or fails.
template <typename T>
Result<T> at(ByteView file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) {
    return refuse("pack.elf.truncated", "the ELF file ends inside one of its headers");
  }
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

Status check_header(const Elf64_Ehdr& header) {
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return refuse("pack.elf.magic", "not an ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return refuse("pack.elf.machine", "not an ELF file for x86-64");
  }
  if (header.e_type != ET_DYN) {
    return refuse(
        "pack.elf.type",
        "linked for a fixed address, which an enclave does not have: link it with -static-pie or -pie");
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > 64) {
    return refuse("pack.elf.program_headers", "the program header table is malformed");
  }
  return {};
}

Status add_segment(Elf& elf, ByteView file, const Elf64_Phdr& header) {
  constexpr std::uint64_t kPage = 4096;
  if (header.p_filesz > header.p_memsz || header.p_offset > file.size() ||
      header.p_filesz > file.size() - header.p_offset) {
    return refuse("pack.elf.segment_size", "a segment is larger than the file says or than it is in memory");
  }
  if (header.p_vaddr > kProgramSizeMax || header.p_memsz > kProgramSizeMax) {
    return refuse("pack.elf.segment_range", "a segment lies beyond 1 GiB");
  }
  if ((header.p_flags & PF_W) != 0 && (header.p_flags & PF_X) != 0) {
    return refuse("pack.elf.writable_code", "a segment is both writable and executable");
  }
  if (header.p_memsz == 0) return {};
  std::uint64_t loaded = header.p_filesz;
  for (const Segment& segment : elf.segments) loaded += segment.content.size();
  if (loaded > file.size()) return refuse("pack.elf.segment_shared", "segments share bytes of the file");
  if (!elf.segments.empty() && header.p_vaddr / kPage * kPage < (elf.size + kPage - 1) / kPage * kPage) {
    return refuse("pack.elf.segment_order", "segments overlap or share a page: link with -z separate-code");
  }
  Segment segment{.address = header.p_vaddr, .memory_size = header.p_memsz};
  segment.content = to_bytes(file.subspan(header.p_offset, header.p_filesz));
  segment.writable = (header.p_flags & PF_W) != 0;
  segment.executable = (header.p_flags & PF_X) != 0;
  elf.segments.push_back(std::move(segment));
  elf.size = header.p_vaddr + header.p_memsz;
  return {};
}

Status read_dynamic(Elf& elf, ByteView file, const Elf64_Phdr& header) {
  for (std::uint64_t i = 0; i < header.p_filesz / sizeof(Elf64_Dyn); ++i) {
    const auto entry = TRY(at<Elf64_Dyn>(file, header.p_offset + i * sizeof(Elf64_Dyn)));
    if (entry.d_tag == DT_NULL) break;
    if (entry.d_tag == DT_NEEDED) {
      return refuse("pack.elf.needs_library", "the program needs shared libraries: link it with -static-pie");
    }
    if ((entry.d_tag == DT_RELASZ || entry.d_tag == DT_RELRSZ || entry.d_tag == DT_PLTRELSZ) &&
        entry.d_un.d_val != 0) {
      elf.relocations = true;
    }
  }
  return {};
}

// forget_sections clears the section table's place in the mapped ELF header: it depends on debug information,
// which is not loaded, and would make the measurement depend on it.
void forget_sections(Segment& segment) {
  Elf64_Ehdr header;
  std::memcpy(&header, segment.content.data(), sizeof header);
  header.e_shoff = 0;
  header.e_shnum = header.e_shstrndx = header.e_shentsize = 0;
  std::memcpy(segment.content.data(), &header, sizeof header);
}

Status read_symbols(Elf& elf, ByteView file, const Elf64_Ehdr& header) {
  if (header.e_shoff == 0 || header.e_shentsize != sizeof(Elf64_Shdr)) return {};
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const auto section = TRY(at<Elf64_Shdr>(file, header.e_shoff + i * sizeof(Elf64_Shdr)));
    if (section.sh_type != SHT_SYMTAB) continue;
    const auto names = TRY(at<Elf64_Shdr>(file, header.e_shoff + section.sh_link * sizeof(Elf64_Shdr)));
    if (names.sh_offset > file.size() || names.sh_size > file.size() - names.sh_offset) {
      return refuse("pack.elf.symbols", "the symbol names lie outside the file");
    }
    const std::string_view text = as_text(file.subspan(names.sh_offset, names.sh_size));
    for (std::uint64_t at_symbol = 0; at_symbol + sizeof(Elf64_Sym) <= section.sh_size;
         at_symbol += sizeof(Elf64_Sym)) {
      const auto symbol = TRY(at<Elf64_Sym>(file, section.sh_offset + at_symbol));
      const int type = ELF64_ST_TYPE(symbol.st_info);
      if ((type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) || symbol.st_shndx == SHN_UNDEF)
        continue;
      const Segment* segment = elf.segment_at(symbol.st_value);
      if (segment == nullptr || !segment->executable) continue;
      if (symbol.st_size > segment->address + segment->content.size() - symbol.st_value) continue;
      std::string name;
      if (symbol.st_name < text.size())
        name = text.substr(symbol.st_name, text.find('\0', symbol.st_name) - symbol.st_name);
      elf.functions.push_back({symbol.st_value, type == STT_NOTYPE ? 0 : symbol.st_size, std::move(name)});
    }
  }
  std::ranges::sort(elf.functions, {}, &Symbol::address);
  return {};
}

}  // namespace

const Segment* Elf::segment_at(std::uint64_t address) const {
  for (const Segment& segment : segments) {
    if (address >= segment.address && address - segment.address < segment.content.size()) return &segment;
  }
  return nullptr;
}

const Symbol* Elf::symbol(std::string_view name) const {
  const auto found = std::ranges::find(functions, name, &Symbol::name);
  return found == functions.end() ? nullptr : &*found;
}

Result<Elf> read_elf(ByteView file) {
  const auto header = TRY(at<Elf64_Ehdr>(file, 0));
  TRY(check_header(header));
  Elf elf;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i) {
    const auto program = TRY(at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr)));
    if (program.p_type == PT_INTERP) {
      return refuse("pack.elf.interpreter", "the program needs a dynamic loader: link it with -static-pie");
    }
    if (program.p_type == PT_LOAD) {
      TRY(add_segment(elf, file, program));
      if (header.e_phoff >= program.p_offset && header.e_phoff - program.p_offset < program.p_filesz) {
        elf.program_headers = program.p_vaddr + (header.e_phoff - program.p_offset);
        if (program.p_offset == 0 && program.p_filesz >= sizeof header) forget_sections(elf.segments.back());
      }
    }
    if (program.p_type == PT_DYNAMIC) TRY(read_dynamic(elf, file, program));
  }
  elf.program_header_count = header.e_phnum;
  elf.entry = header.e_entry;
  const Segment* entry = elf.segment_at(elf.entry);
  if (entry == nullptr || !entry->executable)
    return refuse("pack.elf.entry", "the entry point is not in executable code");
  if (elf.program_headers == 0)
    return refuse("pack.elf.headers_unmapped", "no segment holds the program headers");
  TRY(read_symbols(elf, file, header));
  return elf;
}

namespace {

// text_at reads a NUL-terminated text of the file.
Result<std::string> text_at(ByteView file, std::uint64_t offset) {
  if (offset >= file.size()) return refuse("pack.elf.truncated", "a name lies outside the file");
  const std::string_view rest = as_text(file.subspan(offset));
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos || end == 0 || end > 4095)
    return refuse("pack.elf.name", "a name is empty or does not end");
  return std::string(rest.substr(0, end));
}

// file_offset turns an address into a place in the file.
Result<std::uint64_t> file_offset(const std::vector<Elf64_Phdr>& headers, std::uint64_t address) {
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type == PT_LOAD && address >= header.p_vaddr && address - header.p_vaddr < header.p_filesz)
      return header.p_offset + (address - header.p_vaddr);
  }
  return refuse("pack.elf.dynamic", "the dynamic section points outside the file");
}

}  // namespace

Result<Linking> read_linking(ByteView file) {
  const auto header = TRY(at<Elf64_Ehdr>(file, 0));
  TRY(check_header(header));
  std::vector<Elf64_Phdr> headers;
  for (std::uint64_t i = 0; i < header.e_phnum; ++i)
    headers.push_back(TRY(at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr))));
  Linking linking;
  std::vector<std::uint64_t> names;
  std::uint64_t texts = 0;
  for (const Elf64_Phdr& segment : headers) {
    if (segment.p_type == PT_INTERP) linking.interpreter = TRY(text_at(file, segment.p_offset));
    if (segment.p_type != PT_DYNAMIC) continue;
    for (std::uint64_t i = 0; i < segment.p_filesz / sizeof(Elf64_Dyn); ++i) {
      const auto entry = TRY(at<Elf64_Dyn>(file, segment.p_offset + i * sizeof(Elf64_Dyn)));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED) names.push_back(entry.d_un.d_val);
      if (entry.d_tag == DT_STRTAB) texts = TRY(file_offset(headers, entry.d_un.d_ptr));
    }
  }
  for (const std::uint64_t name : names) {
    linking.needed.push_back(TRY(text_at(file, texts + name)));
    if (linking.needed.back().find('/') != std::string::npos)
      return refuse("pack.elf.needed", "a library is named by a path: " + linking.needed.back());
  }
  return linking;
}

}  // namespace clemmys::pack
