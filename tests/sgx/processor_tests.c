/* processor_tests.c: what the processor checks and keeps, seen through the driver. Source: Intel SDM volume
 * 3D, the section of each leaf function; "Enclave Exiting Events"; "Illegal Instructions". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sgx.h"

static struct enclave fresh(struct enclave terms) {
  if (!terms.attributes) terms.attributes = ATTRIBUTE_MODE64;
  CHECK_EQ(reserve(&terms), 0);
  return terms;
}

TEST(ecreate_refuses_what_the_processor_has_not) {
  const struct {
    uint64_t attributes, xfrm;
    uint32_t misc_select;
    uint8_t config;
  } bad[] = {
      {ATTRIBUTE_MODE64 | 1, 3, 0, 0},          /* INIT */
      {ATTRIBUTE_MODE64 | 1ull << 40, 3, 0, 0}, /* reserved */
      {ATTRIBUTE_MODE64 | 8, 3, 0, 0},          /* reserved */
      {ATTRIBUTE_MODE64, 2, 0, 0},              /* without x87 */
      {ATTRIBUTE_MODE64, 3 | 1ull << 62, 0, 0},
      {ATTRIBUTE_MODE64, 3, 1u << 31, 0},
      {ATTRIBUTE_MODE64, 3, 0, 5}, /* CONFIGID without KSS */
  };
  struct enclave enclave = fresh((struct enclave){0});
  for (size_t i = 0; i < array_size(bad); ++i) {
    enclave.attributes = bad[i].attributes;
    enclave.xfrm = bad[i].xfrm;
    enclave.misc_select = bad[i].misc_select;
    enclave.config = bad[i].config;
    CHECK_EQ(create(&enclave), -EIO);
  }
  struct secs* secs = page_of(0);
  struct sgx_enclave_create arguments = {.src = (uint64_t)secs};
  *secs =
      (struct secs){.size = ENCLAVE_SIZE, .base = enclave.base, .attributes = ATTRIBUTE_MODE64, .xfrm = 3};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -EIO); /* SSAFRAMESIZE 0 */
  secs->ssa_frame_size = 1;
  secs->reserved4[3000] = 1;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), -EIO);
  secs->reserved4[3000] = 0;
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_CREATE, &arguments), 0);
}

TEST(a_32_bit_enclave_is_not_for_64_bit_programs) {
  struct enclave enclave = {.fd = open("/dev/sgx_enclave", O_RDWR), .attributes = ATTRIBUTE_DEBUG};
  char* area = mmap(0, 2 * ENCLAVE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  enclave.base = ((uint64_t)area + ENCLAVE_SIZE - 1) / ENCLAVE_SIZE * ENCLAVE_SIZE;
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), 0);
  void* thread = (void*)(enclave.base + TCS_0);
  CHECK(mmap(thread, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave.fd, 0) == thread);
  enclave.run.tcs = enclave.base;
  struct op op = {.number = REGISTERS};
  CHECK_EQ(enter_op(&enclave, &op), 13);
}

TEST(the_launch_key_is_for_nobody) {
  struct enclave enclave = fresh((struct enclave){.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_TOKEN});
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  CHECK_EQ(initialize(&enclave), -EACCES);
}

static int add_tcs(struct enclave* enclave, struct tcs tcs, uint64_t offset) {
  uint8_t* page = page_of(0);
  memcpy(page, &tcs, sizeof tcs);
  return add(enclave, offset, page, PAGE, PT_TCS, 0);
}
TEST(eadd_looks_at_reserved_fields_of_a_tcs_alone) {
  struct enclave enclave = fresh((struct enclave){0});
  CHECK_EQ(create(&enclave), 0);
  const struct tcs good_tcs = thread_with_frames_at(TCS_0 + PAGE);
  struct tcs tcs = good_tcs;
  tcs.reserved[1000] = 1;
  CHECK_EQ(add_tcs(&enclave, tcs, DYNAMIC), -EIO);
  tcs = good_tcs;
  tcs.fs_limit = tcs.gs_limit = 0; /* limits are for 32-bit enclaves */
  CHECK_EQ(add_tcs(&enclave, tcs, DYNAMIC), 0);
  tcs = good_tcs;
  tcs.ssa_index = 1; /* the processor sets it, and STATE and AEP, to 0 */
  tcs.state = 1;
  tcs.exit_address = 0x1234;
  CHECK_EQ(add_tcs(&enclave, tcs, DYNAMIC + PAGE), 0);
  tcs = good_tcs;
  tcs.ssa_offset += 8; /* EENTER's to refuse */
  CHECK_EQ(add_tcs(&enclave, tcs, DYNAMIC + 2 * PAGE), 0);
}

/* A page of the running enclave becomes a TCS: what EACCEPT and then EENTER say. */
static void make_thread(struct enclave* enclave, uint64_t offset, struct tcs tcs, uint64_t* accepted,
                        int* entered) {
  void* where = (void*)(enclave->base + offset);
  CHECK(mmap(where, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave->fd, 0) == where);
  CHECK_EQ(simple(enclave, ACCEPT, enclave->base + offset, PT_REG | R | W | PENDING, 0), 0);
  for (uint64_t i = 0; i < 72; i += 8) {
    uint64_t word;
    memcpy(&word, (const char*)&tcs + i, 8);
    simple(enclave, PUT, enclave->base + offset + i, word, 0);
  }
  struct sgx_enclave_modify_types terms = {.offset = offset, .length = PAGE, .page_type = 1};
  CHECK_EQ(request(enclave->fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &terms), 0);
  struct op op = {.number = ACCEPT, .a = enclave->base + offset, .b = PT_TCS | MODIFIED, .result = 99};
  const int vector = enter_op(enclave, &op);
  *accepted = vector ? 1000 + (uint64_t)vector : op.result;
  enclave->run.tcs = enclave->base + offset;
  op = (struct op){.number = REGISTERS};
  *entered = enter_op(enclave, &op);
  enclave->run.tcs = enclave->base + TCS(1); /* the first one may be at its limit */
}
TEST(eaccept_and_eenter_check_the_rest_of_a_tcs) {
  struct enclave enclave;
  load(&enclave);
  const struct tcs good_tcs = thread_with_frames_at(TCS_0 + PAGE);
  struct {
    struct tcs tcs;
    uint64_t accepted;
    int entered;
  } cases[] = {
      {good_tcs, 0, 0},     {good_tcs, 1013, 14}, /* no frame */
      {good_tcs, 1013, 14},                       /* DBGOPTIN */
      {good_tcs, 0, 13},                          /* OSSA */
      {good_tcs, 0, 13},                          /* FS */
      {good_tcs, 0, 13},                          /* reserved flag */
      {good_tcs, 0, 14},                          /* an SSA frame that is not there */
  };
  cases[1].tcs.nr_ssa_frames = 0;
  cases[2].tcs.flags = 1;
  cases[3].tcs.ssa_offset += 16;
  cases[4].tcs.fs_offset += 16;
  cases[5].tcs.flags = 2;
  cases[6].tcs.ssa_offset = ENCLAVE_SIZE - PAGE;
  for (size_t i = 0; i < array_size(cases); ++i) {
    uint64_t accepted;
    int entered;
    if (i > 0) enclave.run.tcs = enclave.base + TCS(i);
    make_thread(&enclave, DYNAMIC + i * PAGE, cases[i].tcs, &accepted, &entered);
    printf("# case %zu\n", i);
    CHECK_EQ(accepted, cases[i].accepted);
    CHECK_EQ(entered, cases[i].entered);
  }
}

TEST(eaccept_compares_all_but_the_restriction) {
  struct enclave enclave;
  load(&enclave);
  struct sgx_enclave_restrict_permissions terms = {.offset = BUFFER, .length = PAGE, .permissions = R};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &terms), 0);
  const uint64_t page = enclave.base + BUFFER;
  CHECK_EQ(simple(&enclave, ACCEPT, page, PT_REG | R | W | PR, 0), 19);
  CHECK_EQ(simple(&enclave, ACCEPT, page, PT_REG | R | PENDING, 0), 19);
  CHECK_EQ(simple(&enclave, ACCEPT, page, PT_REG | R | PR, 0), 0);
  CHECK_EQ(simple(&enclave, ACCEPT, page, PT_REG | R | PR, 0), 0); /* EPCM.PR is not compared */
  CHECK_EQ(simple(&enclave, ACCEPT, page, PT_TRIM | MODIFIED, 0), 19);
}

TEST(vector_registers_do_not_leave_the_enclave) {
  struct enclave enclave;
  load_with(&enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64, .xfrm = 7});
  _Alignas(32) uint8_t buffer[64], seen[32];
  memset(buffer, 0xa5, 32);
  struct op op = {.number = VECTOR, .a = (uint64_t)buffer}, look = {.number = EXIT_INFORMATION, .b = 2};
  CHECK_EQ(enter_op(&enclave, &op), 6);
  __asm__ volatile("vmovdqu %%ymm5, %0\n vpcmpeqd %%ymm5, %%ymm5, %%ymm5" : "=m"(seen)::"xmm5");
  for (int i = 0; i < 32; ++i) CHECK_EQ(seen[i], 0);
  CHECK_EQ(enter_op(&enclave, &look), 0);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(memcmp(buffer, buffer + 32, 32), 0);
}

TEST(exinfo_tells_the_enclave_what_the_system_does_not_learn) {
  struct enclave enclave;
  load_with(&enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64, .misc_select = 1});
  struct op put = {.number = PUT, .a = enclave.base + READ_ONLY + 0x123}, look = {.number = EXIT_INFORMATION};
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_addr, enclave.base + READ_ONLY);
  CHECK_EQ(enter_op(&enclave, &look), 0);
  CHECK_EQ(look.result, 0x80000300 | 14);
  const uint64_t exinfo = enclave.base + TCS_0 + 2 * PAGE - 184 - 16;
  enclave.run.tcs = enclave.base + TCS_1;
  CHECK_EQ(simple(&enclave, GET, exinfo, 0, 0), enclave.base + READ_ONLY + 0x123);
  CHECK_EQ((uint32_t)simple(&enclave, GET, exinfo + 8, 0, 0), enclave.run.exception_error_code);
}

TEST(a_non_canonical_address_is_a_protection_fault) {
  struct enclave enclave;
  load(&enclave);
  struct op put = {.number = PUT, .a = 0x8000000000000000};
  CHECK_EQ(enter_op(&enclave, &put), 13);
  CHECK_EQ(enclave.run.exception_error_code, 0);
  CHECK_EQ(enclave.run.exception_addr, 0);
  CHECK_EQ(enclave.run.function, ERESUME);
}

TEST(instructions_that_are_illegal_inside) {
  struct enclave enclave;
  load(&enclave);
  const int vectors[] = {6, 6, 6, 6, 6, 6}; /* IN, OUT, INS, OUTS, INT n, RDPMC */
  for (uint64_t i = 0; i < array_size(vectors); ++i) {
    enclave.run.tcs = enclave.base + TCS(i);
    struct op op = {.number = ILLEGAL, .a = i};
    printf("# instruction %d\n", (int)i);
    CHECK_EQ(enter_op(&enclave, &op), vectors[i]);
  }
  struct op halt = {.number = ILLEGAL, .a = 7};
  enclave.run.tcs = enclave.base + TCS(7);
  CHECK_EQ(enter_op(&enclave, &halt), 13);
}

TEST(configuration_shows_in_the_report) {
  struct enclave enclave;
  load_with(&enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_KSS, .config = 0x6b});
  uint8_t report[432];
  simple(&enclave, REPORT, (uint64_t)report, 0, 0);
  for (int i = 0; i < 64; ++i) CHECK_EQ(report[192 + i], 0x6b);
  CHECK_EQ(report[48] & ATTRIBUTE_KSS, ATTRIBUTE_KSS);
}

static uint64_t seal_key(struct enclave* enclave, uint64_t policy) {
  uint64_t key[2] = {0};
  CHECK_EQ(simple(enclave, KEY, (uint64_t)key, 4 | policy << 16, 0), 0);
  return key[0];
}
TEST(family_and_extended_product_show_in_reports_and_keys) {
  enum { SIGNER = 2, FAMILY = 16, PRODUCT = 32 };
  struct enclave one, other, plain;
  const struct enclave terms = {
      .attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_KSS, .family = 0x31, .product = 0x42};
  load_with(&one, terms);
  load_with(&other, (struct enclave){.attributes = terms.attributes, .family = 0x32, .product = 0x42});
  uint8_t report[432];
  simple(&one, REPORT, (uint64_t)report, 0, 0);
  for (int i = 0; i < 16; ++i) {
    CHECK_EQ(report[32 + i], 0x42);
    CHECK_EQ(report[304 + i], 0x31);
  }
  CHECK(seal_key(&one, SIGNER) == seal_key(&other, SIGNER));
  CHECK(seal_key(&one, SIGNER | PRODUCT) == seal_key(&other, SIGNER | PRODUCT));
  CHECK(seal_key(&one, SIGNER | PRODUCT) != seal_key(&one, SIGNER));
  CHECK(seal_key(&one, SIGNER | FAMILY) != seal_key(&other, SIGNER | FAMILY));
  load(&plain);
  struct op key = {.number = KEY, .a = (uint64_t)report, .b = 4 | (SIGNER | FAMILY) << 16};
  CHECK_EQ(enter_op(&plain, &key), 13); /* a policy of KSS without it */
}

TEST(einit_refuses_a_signature_that_is_not_one) {
  struct enclave enclave = fresh((struct enclave){0});
  CHECK_EQ(create(&enclave), 0);
  CHECK_EQ(add_all(&enclave), 0);
  sign(&enclave);
  const struct sigstruct good = enclave.sigstruct;
  uint8_t* const bytes = (uint8_t*)&enclave.sigstruct;
  /* HEADER, HEADER2, reserved, MODULUS, EXPONENT, SIGNATURE, reserved, Q1, Q2 */
  const int places[] = {0, 24, 60, 130, 513, 700, 915, 1050, 1430};
  for (size_t i = 0; i < array_size(places); ++i) {
    bytes[places[i]] ^= 1;
    CHECK_EQ(initialize(&enclave), -EPERM);
    enclave.sigstruct = good;
  }
  CHECK_EQ(initialize(&enclave), 0);
}

TEST(emodpe_only_extends) {
  struct enclave enclave;
  load(&enclave);
  const uint64_t page = enclave.base + READ_ONLY;
  struct op extend = {.number = EXTEND, .a = page, .b = PT_REG | W};
  CHECK_EQ(enter_op(&enclave, &extend), 0); /* R is there already */
  CHECK_EQ(mprotect((void*)page, PAGE, PROT_READ | PROT_WRITE), -1);
  CHECK_EQ(errno, EACCES); /* the driver goes by the permissions at EADD */
  extend.a = enclave.base + TCS_1;
  CHECK_EQ(enter_op(&enclave, &extend), 14);
  CHECK_EQ(enclave.run.exception_addr, enclave.base + TCS_1);
}

TEST(threads_become_nothing_else) {
  struct enclave enclave;
  load(&enclave);
  struct sgx_enclave_modify_types terms = {.offset = TCS(2), .length = PAGE, .page_type = 4};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &terms), 0);
  struct op op = {.number = REGISTERS};
  enclave.run.tcs = enclave.base + TCS(2);
  CHECK_EQ(enter_op(&enclave, &op), 14);
  enclave.run.tcs = enclave.base;
  CHECK_EQ(simple(&enclave, ACCEPT, enclave.base + TCS(2), PT_TRIM | MODIFIED, 0), 0);
  struct sgx_enclave_remove_pages gone = {.offset = TCS(2), .length = PAGE};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &gone), 0);
}
