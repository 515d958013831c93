/* sgx.h: a small SGX runtime for the tests: layouts from Intel's manual (SDM volume 3D, chapter "Enclave
 * Access Control and Data Structures"), calls from <asm/sgx.h>. */
#pragma once

#include <asm/sgx.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define array_size(array) (sizeof(array) / sizeof *(array))

enum {
  PAGE = 4096,
  ENCLAVE_SIZE = 1 << 20,
  CODE = 0x3000,
  DATA = 0x4000,
  BUFFER = 0x5000,
  READ_ONLY = 0x7000,
  DYNAMIC = 0x40000
};
enum { TCS_0 = 0, TCS_1 = 0x10000, THREADS = 8 }; /* each with two SSA frames behind it */
#define TCS(i) ((i) ? TCS_1 + ((uint64_t)(i) - 1) * 3 * PAGE : TCS_0)
enum { EREPORT = 0, EENTER = 2, ERESUME = 3, EEXIT = 4 };
enum {
  R = 1,
  W = 2,
  X = 4,
  PENDING = 8,
  MODIFIED = 16,
  PR = 32,
  PT_TCS = 1 << 8,
  PT_REG = 2 << 8,
  PT_TRIM = 4 << 8
};
enum {
  ATTRIBUTE_DEBUG = 2,
  ATTRIBUTE_MODE64 = 4,
  ATTRIBUTE_PROVISION = 16,
  ATTRIBUTE_TOKEN = 32,
  ATTRIBUTE_KSS = 128
};
enum { FAULT_P = 1, FAULT_W = 2, FAULT_U = 4, FAULT_I = 16, FAULT_SGX = 1 << 15 };

struct op {
  uint64_t number, a, b, c, result;
};
enum {
  PUT,
  GET,
  ACCEPT,
  EXTEND,
  ACCEPT_COPY,
  UNDEFINED,
  REPORT,
  KEY,
  DIVIDE,
  DIRTY,
  BREAKPOINT,
  SYSTEM_CALL,
  SPIN,
  EXIT_INFORMATION,
  REGISTERS,
  VECTOR,
  ILLEGAL,
  ALIGNMENT,
  X87,
  SIMD
};

struct secs {
  uint64_t size, base;
  uint32_t ssa_frame_size, misc_select;
  uint8_t reserved1[24];
  uint64_t attributes, xfrm;
  uint8_t mrenclave[32], reserved2[32], mrsigner[32], reserved3[32], config_id[64];
  uint16_t isv_prod_id, isv_svn, config_svn;
  uint8_t reserved4[3834];
};
struct tcs {
  uint64_t state, flags, ssa_offset;
  uint32_t ssa_index, nr_ssa_frames;
  uint64_t entry_offset, exit_address, fs_offset, gs_offset;
  uint32_t fs_limit, gs_limit;
  uint8_t reserved[4024];
};
struct secinfo {
  uint64_t flags;
  uint8_t reserved[56];
} __attribute__((aligned(64)));
struct sigstruct {
  uint8_t header[16];
  uint32_t vendor, date;
  uint8_t header2[16];
  uint32_t swdefined;
  uint8_t reserved1[84], modulus[384];
  uint32_t exponent;
  uint8_t signature[384];
  uint32_t misc_select, misc_mask;
  uint8_t reserved2[4], family_id[16];
  uint64_t attributes, xfrm, attributes_mask, xfrm_mask;
  uint8_t mrenclave[32], reserved3[16], ext_prod_id[16];
  uint16_t isv_prod_id, isv_svn;
  uint8_t reserved4[12], q1[384], q2[384];
};

struct enclave {
  int fd;
  uint64_t base;
  uint64_t attributes, xfrm, size; /* before create; 0 is 3 and ENCLAVE_SIZE */
  uint32_t misc_select;
  uint8_t config, family, product; /* fill CONFIGID, ISVFAMILYID, ISVEXTPRODID */
  struct sigstruct sigstruct;
  struct sgx_enclave_run run;
};

/* thread_with_frames_at is a TCS of the tests' enclave whose two SSA frames lie there. */
struct tcs thread_with_frames_at(uint64_t offset);

/* The steps of building; each gives 0 or -errno. load does them all and maps the segments; it stops the test
 * when one fails. */
int reserve(struct enclave* enclave);
int create(struct enclave* enclave);
int add(struct enclave* enclave, uint64_t offset, const void* content, uint64_t length, uint64_t flags,
        int measure);
int add_all(struct enclave* enclave);
int initialize(struct enclave* enclave);
void load(struct enclave* enclave);
void load_with(struct enclave* enclave, struct enclave terms); /* the fields for before create */
void* page_of(int byte);                                       /* an aligned page full of this byte */
int request(int fd, unsigned long number, void* argument);     /* ioctl: result or -errno */

/* sign fills in measurement, key, signature, Q1 and Q2 for what add_all adds. */
void sign(struct enclave* enclave);

/* The vDSO function by three ways of looking for it. */
void* vdso_by_hash(const char* name);
void* vdso_by_gnu_hash(const char* name);
void* vdso_by_sections(const char* name);

int call_vdso(uint64_t rdi, uint64_t rsi, uint64_t rdx, unsigned function, uint64_t r8, uint64_t r9,
              struct sgx_enclave_run* run, vdso_sgx_enter_enclave_t entry);
void direct_enclu(struct op* op, unsigned leaf, uint64_t tcs);
extern vdso_sgx_enter_enclave_t enter;

/* enter_op runs an operation: 0 when the enclave left by EEXIT, else the exception's vector (with 256 for
 * vector 0). */
#define enter_op(enclave, op) enter_leaf(enclave, op, EENTER)
#define resume(enclave) enter_leaf(enclave, (struct op*)0, ERESUME)
int enter_leaf(struct enclave* enclave, struct op* op, unsigned leaf);
uint64_t simple(struct enclave* enclave, uint64_t number, uint64_t a, uint64_t b,
                uint64_t c); /* its result; must not fault */

/* TEST(name) { … } is one test, in a process of its own. CHECK fails it and goes on. */
struct test {
  const char* name;
  void (*run)(void);
  struct test* next;
};
extern struct test* tests;
extern int failures;
#define TEST(name)                                                 \
  static void test_##name(void);                                   \
  __attribute__((constructor)) static void register_##name(void) { \
    static struct test test = {#name, test_##name, 0};             \
    test.next = tests;                                             \
    tests = &test;                                                 \
  }                                                                \
  static void test_##name(void)
#define CHECK_EQ(actual, expected)                                                                 \
  do {                                                                                             \
    const long long actual_value = (long long)(actual), expected_value = (long long)(expected);    \
    if (actual_value != expected_value) {                                                          \
      printf("# %s:%d: %s is %lld (%#llx), not %lld\n", __FILE__, __LINE__, #actual, actual_value, \
             actual_value, expected_value);                                                        \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)
#define CHECK(condition) CHECK_EQ(!!(condition), 1)
