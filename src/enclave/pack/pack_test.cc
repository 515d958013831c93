#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "enclave/image.h"
#include "enclave/pack/files.h"
#include "enclave/pack/layout.h"
#include "enclave/pack/writer.h"
#include "shield/abi.h"

namespace clemmys::pack {
namespace {

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

const std::string kBinaries = std::string(CLEMMYS_BINARY_DIR) + "/bin/";

// A small well-formed static-PIE: headers in a read-only segment, `code` in an executable one.
Bytes tiny_elf(const Bytes& code) {
  Bytes file(0x2000);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 2;
  header.e_entry = 0x1000;
  Elf64_Phdr segments[2] = {{.p_type = PT_LOAD,
                             .p_flags = PF_R,
                             .p_offset = 0,
                             .p_vaddr = 0,
                             .p_filesz = 0x200,
                             .p_memsz = 0x200,
                             .p_align = 4096},
                            {.p_type = PT_LOAD,
                             .p_flags = PF_R | PF_X,
                             .p_offset = 0x1000,
                             .p_vaddr = 0x1000,
                             .p_filesz = code.size(),
                             .p_memsz = code.size(),
                             .p_align = 4096}};
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, segments, sizeof segments);
  std::memcpy(file.data() + 0x1000, code.data(), code.size());
  return file;
}

template <typename Edit>
Bytes edited(Bytes file, std::size_t offset, Edit value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
  return file;
}

std::string_view refusal(const Bytes& file) {
  const auto elf = read_elf(file);
  return elf ? "accepted" : elf.error().site;
}

constexpr std::size_t kCodeHeader = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

TEST(PackElf, RefusesWhatIsNotAStaticPieProgram) {
  const Bytes good = tiny_elf({0xc3});
  EXPECT_EQ(refusal(good), "accepted");
  EXPECT_EQ(refusal({}), "pack.elf.truncated");
  EXPECT_EQ(refusal(edited(good, 0, uint32_t{0})), "pack.elf.magic");
  EXPECT_EQ(refusal(edited(good, offsetof(Elf64_Ehdr, e_machine), uint16_t{EM_AARCH64})), "pack.elf.machine");
  EXPECT_EQ(refusal(edited(good, offsetof(Elf64_Ehdr, e_type), uint16_t{ET_EXEC})), "pack.elf.type");
  EXPECT_EQ(refusal(edited(good, sizeof(Elf64_Ehdr), uint32_t{PT_INTERP})), "pack.elf.interpreter");
  EXPECT_EQ(refusal(read_file(kBinaries + "clemmys-pack")), "pack.elf.interpreter");
}

TEST(PackElf, RefusesHostileHeaders) {
  const Bytes good = tiny_elf({0xc3});
  EXPECT_EQ(refusal(edited(good, offsetof(Elf64_Ehdr, e_phoff), ~uint64_t{0})), "pack.elf.truncated");
  EXPECT_EQ(refusal(edited(good, offsetof(Elf64_Ehdr, e_phnum), uint16_t{0xffff})),
            "pack.elf.program_headers");
  EXPECT_EQ(refusal(edited(good, kCodeHeader + offsetof(Elf64_Phdr, p_offset), ~uint64_t{0})),
            "pack.elf.segment_size");
  EXPECT_EQ(refusal(edited(good, kCodeHeader + offsetof(Elf64_Phdr, p_filesz), uint64_t{1} << 40)),
            "pack.elf.segment_size");
  EXPECT_EQ(refusal(edited(good, kCodeHeader + offsetof(Elf64_Phdr, p_vaddr), uint64_t{1} << 40)),
            "pack.elf.segment_range");
  EXPECT_EQ(refusal(edited(good, kCodeHeader + offsetof(Elf64_Phdr, p_vaddr), uint64_t{0x80})),
            "pack.elf.segment_order");
  EXPECT_EQ(refusal(edited(good, offsetof(Elf64_Ehdr, e_entry), uint64_t{0x10})), "pack.elf.entry");
}

TEST(PackElf, RefusesPagesThatAreWritableAndExecutable) {
  const Bytes good = tiny_elf({0xc3});
  EXPECT_EQ(refusal(edited(good, kCodeHeader + offsetof(Elf64_Phdr, p_flags), uint32_t{PF_R | PF_W | PF_X})),
            "pack.elf.writable_code");
}

// Every outcome but a crash or a hang is fine; what is accepted must be coherent.
TEST(PackElf, SurvivesRandomDamage) {
  std::mt19937 random(11);
  Bytes original = tiny_elf({0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x0f, 0xa2, 0xc3});
  for (int round = 0; round < 20000; ++round) {
    Bytes file = original;
    for (unsigned i = 0; i < 1 + random() % 4; ++i) {
      const std::size_t limit = random() % 4 == 0 ? file.size() : sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
      file[random() % limit] = static_cast<std::uint8_t>(random());
    }
    if (random() % 8 == 0) file.resize(random() % file.size());
    auto elf = read_elf(file);
    if (!elf) continue;
    for (const Segment& segment : elf->segments) ASSERT_LE(segment.content.size(), segment.memory_size);
    ASSERT_LE(elf->size, 2 * kProgramSizeMax);
    rewrite(*elf, 1ull << 31, 0);
  }
}

TEST(PackManifest, RefusesUnknownKeysAndWrongValues) {
  EXPECT_TRUE(parse_manifest(""));
  EXPECT_TRUE(parse_manifest("threads: 4\nstack: 1M\nallowed_paths: [/a, /b]\n"));
  const auto with_files = parse_manifest("files: [/a, {/b: c}]\ncommand: [x, y]\nenvironment: [A=b]\n");
  ASSERT_TRUE(with_files);
  EXPECT_EQ(with_files->files[0].source, "/a");
  EXPECT_EQ(with_files->files[1].path + with_files->files[1].source, "/bc");
  EXPECT_EQ(with_files->command.size(), 2u);
  EXPECT_TRUE(parse_manifest("heap: 8232M"));  // of ./dev bench startup
  for (const char* text : {"heap: 17G", "thread: 4", "threads: 0", "threads: many", "threads: 1000000",
                           "stack: 1", "stack: 8X", "debug: 1", "allowed_paths: /a", "allowed_paths: [a]",
                           "- list", "a: [", "product_id: 65536", "files: /a", "files: [a]", "command: a"}) {
    EXPECT_FALSE(parse_manifest(text)) << text;
  }
}

TEST(Files, ALibraryIsFoundWhereTheLoaderWillLook) {
  const auto dynamic = resolve_dynamic("/usr/bin/openssl");
  ASSERT_TRUE(dynamic && dynamic->has_value());
  EXPECT_EQ((*dynamic)->loader, "/lib64/ld-linux-x86-64.so.2");
  std::vector<std::string> paths;
  for (const PackedFile& file : (*dynamic)->files) paths.push_back(file.path);
  EXPECT_EQ(paths.front(), "/usr/bin/openssl");
  EXPECT_NE(std::ranges::find(paths, "/lib/x86_64-linux-gnu/libcrypto.so.3"), paths.end());
  EXPECT_NE(std::ranges::find(paths, "/lib/x86_64-linux-gnu/libc.so.6"), paths.end());
  const auto none = resolve_dynamic(kBinaries + "shield_hello");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());  // a static program needs no loader
}

TEST(Files, DamagedDynamicProgramsAreRefusedOrRead) {
  std::mt19937 random(5);
  Bytes original = read_file(kBinaries + "clemmys-pack");
  original.resize(64 * 1024);
  for (int round = 0; round < 3000; ++round) {
    Bytes file = original;
    for (unsigned i = 0; i < 1 + random() % 6; ++i)
      file[random() % 1024] = static_cast<std::uint8_t>(random());
    const auto linking = read_linking(file);
    if (!linking) continue;
    for (const std::string& name : linking->needed) ASSERT_EQ(name.find('/'), std::string::npos);
  }
}

TEST(Files, AreReadOnlyMeasuredAndNeverTwoOfOneName) {
  const auto make = [](const std::vector<PackedFile>& files) {
    return lay_out(*read_elf(read_file(kBinaries + "shield.elf")),
                   *read_elf(read_file(kBinaries + "shield_hello")), {.command = {"a"}}, files);
  };
  const Bytes content(5000, 7);
  const auto layout = make({{"/a", content}, {"/empty", {}}});
  ASSERT_TRUE(layout);
  const Part* found = nullptr;
  for (const Part& part : layout->parts) {
    if (part.content == content) found = &part;
  }
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->measured);
  EXPECT_EQ(found->flags, sgx::secinfo_regular(sgx::kSecinfoRead));
  EXPECT_EQ(make({{"/a", content}, {"/a", content}}).error().site, "pack.files.twice");
}

Elf with_function(const Bytes& code) {
  Elf elf = *read_elf(tiny_elf(code));
  elf.functions.push_back({0x1000, code.size(), "f"});
  return elf;
}

TEST(Rewrite, MovesTheNumberLoadBeforeASystemCall) {
  Elf elf = with_function({0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xc3});  // mov $1,%eax; syscall; ret
  const Rewriting result = rewrite(elf, 0x10000, 0x20000);
  EXPECT_EQ(result.syscalls_rewritten, 1u);
  EXPECT_EQ(elf.segments[1].content, (Bytes{0xe9, 0xfb, 0xef, 0, 0, 0x90, 0x90, 0xc3}));  // jmp 0x10000
  EXPECT_EQ(Bytes(result.trampolines.begin(), result.trampolines.begin() + 5), (Bytes{0xb8, 1, 0, 0, 0}));
}

TEST(Rewrite, LeavesASiteAloneWhenSomethingJumpsIntoIt) {
  // mov $1,%eax; syscall; jmp back to the syscall
  Elf elf = with_function({0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xfc});
  const Rewriting result = rewrite(elf, 0x10000, 0x20000);
  EXPECT_EQ(result.syscalls_found, 1u);
  EXPECT_EQ(result.syscalls_rewritten, 0u);
  EXPECT_EQ(elf.segments[1].content[5], 0x0f);
}

TEST(Rewrite, NeverMovesWhatDependsOnItsPlace) {
  Elf before = with_function({0x8b, 0x05, 1, 0, 0, 0, 0x0f, 0x05, 0xc3});  // mov 1(%rip),%eax; syscall; ret
  EXPECT_EQ(rewrite(before, 0x10000, 0x20000).syscalls_rewritten, 0u);
  Elf after = with_function({0x0f, 0x05, 0xe8, 0, 0, 0, 0, 0xc3});  // syscall; call; ret
  EXPECT_EQ(rewrite(after, 0x10000, 0x20000).syscalls_rewritten, 0u);
}

TEST(Rewrite, TurnsCpuidIntoListedUd2ButLeavesDataAlone) {
  Bytes code = {0x0f, 0xa2, 0xb8, 0x0f, 0xa2, 0x0f, 0xa2, 0xc3};  // cpuid; mov $0xa20fa20f,%eax; ret
  Bytes with_data = code;
  with_data.insert(with_data.end(), {0x0f, 0xa2});  // a constant after the function
  Elf elf = *read_elf(tiny_elf(with_data));
  elf.functions.push_back({0x1000, code.size(), "f"});
  const Rewriting result = rewrite(elf, 0x10000, 0x20000);
  EXPECT_EQ(result.cpuid_sites, (std::vector<std::uint64_t>{0x1000}));
  EXPECT_EQ(elf.segments[1].content, (Bytes{0x0f, 0x0b, 0xb8, 0x0f, 0xa2, 0x0f, 0xa2, 0xc3, 0x0f, 0xa2}));
}

TEST(Pack, LaysPartsOutDisjointAndNoneWritableAndExecutable) {
  const auto layout = lay_out(*read_elf(read_file(kBinaries + "shield.elf")),
                              *read_elf(read_file(kBinaries + "shield_hello")), {});
  ASSERT_TRUE(layout) << to_string(layout.error());
  std::uint64_t end = 0;
  for (const Part& part : layout->parts) {
    EXPECT_GE(part.offset, end);
    EXPECT_EQ(part.offset % 4096, 0u);
    EXPECT_LE(part.content.size(), part.size);
    EXPECT_FALSE(part.flags.has(sgx::kSecinfoWrite | sgx::kSecinfoExecute));
    end = part.offset + part.size;
  }
  EXPECT_GE(layout->rewriting.syscalls_rewritten * 100, layout->rewriting.syscalls_found * 95);
}

TEST(Pack, MeasurementDependsOnTheProgramAndNotOnTheSigner) {
  const auto key1 = sgx::SigningKey::generate(), key2 = sgx::SigningKey::generate();
  const auto image = [&](const sgx::SigningKey& key, const Manifest& manifest) {
    return *write_image(*lay_out(*read_elf(read_file(kBinaries + "shield.elf")),
                                 *read_elf(read_file(kBinaries + "shield_hello")), manifest),
                        manifest, key);
  };
  const Image a = image(*key1, {}), b = image(*key2, {}), c = image(*key1, {.threads = 9});
  EXPECT_EQ(a.measurement, b.measurement);
  EXPECT_NE(a.signer, b.signer);
  EXPECT_NE(a.measurement, c.measurement);
  const auto info = enclave::parse_image(a.file);
  ASSERT_TRUE(info) << to_string(info.error());
  EXPECT_EQ(info->measurement, a.measurement);
  EXPECT_EQ(info->signer, a.signer);
}

// Compiles the same source in two folders with the repository's flags, packs both.
TEST(Pack, TwoBuildsInDifferentFoldersGiveOneMeasurement) {
  namespace fs = std::filesystem;
  std::string pattern = testing::TempDir() + "/clemmys-pack-XXXXXX";
  const fs::path root = mkdtemp(pattern.data());
  Measurement measurements[2];
  for (int i = 0; i < 2; ++i) {
    const fs::path folder = root / (i == 0 ? "one" : "another/place");
    fs::create_directories(folder);
    fs::copy_file(CLEMMYS_SOURCE_DIR "/src/shield/programs/hello.cc", folder / "hello.cc");
    const std::string command =
        "cd " + folder.string() +
        " && clang++-19 -std=c++23 -O1 -g1 -fPIE -ffile-prefix-map=" + folder.string() +
        "=. -static-pie -fuse-ld=lld -Wl,--build-id=none -Wl,-z,separate-code hello.cc -o hello && " +
        kBinaries + "clemmys-pack --program hello --output hello.sgx --key key.pem >/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    const auto info = enclave::parse_image(read_file(folder / "hello.sgx"));
    ASSERT_TRUE(info);
    measurements[i] = info->measurement;
  }
  fs::remove_all(root);
  EXPECT_EQ(measurements[0], measurements[1]);
}

}  // namespace
}  // namespace clemmys::pack
