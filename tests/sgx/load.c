/* load.c: measures, signs, builds and enters the tests' enclave. */
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sgx.h"

extern const uint8_t enclave_code[], enclave_code_end[];

struct segment {
  uint64_t offset, pages, flags;
  int protection;
};
#define THREAD(at) \
  {(at), 1, PT_TCS, PROT_READ | PROT_WRITE}, { (at) + PAGE, 2, PT_REG | R | W, PROT_READ | PROT_WRITE }
static const struct segment segments[] = {
    THREAD(TCS_0),
    {CODE, 1, PT_REG | R | X, PROT_READ | PROT_EXEC},
    {DATA, 3, PT_REG | R | W, PROT_READ | PROT_WRITE},
    {READ_ONLY, 1, PT_REG | R, PROT_READ},
    THREAD(TCS(1)),
    THREAD(TCS(2)),
    THREAD(TCS(3)),
    THREAD(TCS(4)),
    THREAD(TCS(5)),
    THREAD(TCS(6)),
    THREAD(TCS(7)),
};
enum { SEGMENTS = sizeof segments / sizeof *segments };

struct tcs thread_with_frames_at(uint64_t offset) {
  return (struct tcs){.ssa_offset = offset,
                      .nr_ssa_frames = 2,
                      .entry_offset = CODE,
                      .fs_offset = DATA,
                      .gs_offset = BUFFER,
                      .fs_limit = ~0u,
                      .gs_limit = ~0u};
}

static const uint8_t* content(const struct segment* segment) {
  uint8_t* pages = aligned_alloc(PAGE, 4 * PAGE);
  memset(pages, 0, 4 * PAGE);
  if (segment->offset == CODE) memcpy(pages, enclave_code, (size_t)(enclave_code_end - enclave_code));
  if (segment->offset == READ_ONLY) memset(pages, 0x5a, PAGE);
  if (segment->flags == PT_TCS) {
    const struct tcs tcs = thread_with_frames_at(segment->offset + PAGE);
    memcpy(pages, &tcs, sizeof tcs);
  }
  return pages;
}

void* page_of(int byte) {
  void* page = aligned_alloc(PAGE, PAGE);
  return memset(page, byte, PAGE);
}

int request(int fd, unsigned long number, void* argument) {
  const int result = ioctl(fd, number, argument);
  return result < 0 ? -errno : result;
}

static void block(EVP_MD_CTX* hash, const char* tag, uint64_t first, uint64_t second) {
  uint8_t bytes[64] = {0};
  strcpy((char*)bytes, tag);
  memcpy(bytes + 8, &first, 8);
  memcpy(bytes + 16, &second, 8);
  EVP_DigestUpdate(hash, bytes, sizeof bytes);
}

static uint64_t size_of(const struct enclave* enclave) {
  return enclave->size ? enclave->size : ENCLAVE_SIZE;
}

static void measure(const struct enclave* enclave, uint8_t out[32]) {
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  EVP_DigestInit(hash, EVP_sha256());
  uint8_t first[64] = "ECREATE";
  const uint32_t frame = 1;
  const uint64_t size = size_of(enclave);
  memcpy(first + 8, &frame, 4);
  memcpy(first + 12, &size, 8);
  EVP_DigestUpdate(hash, first, sizeof first);
  for (int i = 0; i < SEGMENTS; ++i) {
    const uint8_t* bytes = content(&segments[i]);
    for (uint64_t page = 0; page < segments[i].pages; ++page) {
      const uint64_t offset = segments[i].offset + page * PAGE;
      block(hash, "EADD", offset, segments[i].flags);
      for (uint64_t at = 0; at < PAGE; at += 256) {
        block(hash, "EEXTEND", offset + at, 0);
        EVP_DigestUpdate(hash, bytes + page * PAGE + at, 256);
      }
    }
  }
  EVP_DigestFinal(hash, out, 0);
  EVP_MD_CTX_free(hash);
}

static EVP_PKEY* signing_key(void) {
  static EVP_PKEY* key;
  if (key) return key;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, 0);
  BIGNUM* three = BN_new();
  BN_set_word(three, 3);
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3072);
  EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three);
  EVP_PKEY_generate(context, &key);
  return key;
}

void sign(struct enclave* enclave) {
  static const uint8_t header[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1},
                       header2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1};
  struct sigstruct* s = &enclave->sigstruct;
  memset(s, 0, sizeof *s);
  memcpy(s->header, header, 16);
  memcpy(s->header2, header2, 16);
  s->date = 0x20250101;
  s->exponent = 3;
  s->attributes = enclave->attributes;
  s->xfrm = enclave->xfrm ? enclave->xfrm : 3;
  s->misc_select = enclave->misc_select;
  s->misc_mask = ~0u;
  s->attributes_mask = ~0ull;
  s->xfrm_mask = ~3ull;
  s->isv_prod_id = 7;
  s->isv_svn = 9;
  memset(s->family_id, enclave->family, sizeof s->family_id);
  memset(s->ext_prod_id, enclave->product, sizeof s->ext_prod_id);
  measure(enclave, s->mrenclave);
  uint8_t message[256], big[384];
  memcpy(message, s, 128);
  memcpy(message + 128, (const uint8_t*)s + 900, 128);
  size_t size = sizeof big;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, 0, EVP_sha256(), 0, signing_key());
  EVP_DigestSign(context, big, &size, message, sizeof message);
  BN_CTX* scratch = BN_CTX_new();
  BIGNUM *n = 0, *signature = BN_bin2bn(big, sizeof big, 0), *square = BN_new(), *q1 = BN_new(),
         *q2 = BN_new(), *rest = BN_new();
  EVP_PKEY_get_bn_param(signing_key(), "n", &n);
  BN_sqr(square, signature, scratch);
  BN_div(q1, rest, square, n, scratch);
  BN_mul(square, rest, signature, scratch);
  BN_div(q2, rest, square, n, scratch);
  BN_bn2lebinpad(n, s->modulus, 384);
  BN_bn2lebinpad(signature, s->signature, 384);
  BN_bn2lebinpad(q1, s->q1, 384);
  BN_bn2lebinpad(q2, s->q2, 384);
}

int reserve(struct enclave* enclave) {
  const uint64_t size = size_of(enclave);
  char* area = mmap(0, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) return -errno;
  const uint64_t begin = (uint64_t)area, base = (begin + size - 1) / size * size;
  if (base > begin) munmap(area, base - begin);
  munmap((void*)(base + size), begin + size - base);
  enclave->base = base;
  enclave->fd = open("/dev/sgx_enclave", O_RDWR);
  return enclave->fd < 0 ? -errno : 0;
}

int create(struct enclave* enclave) {
  struct secs* secs = page_of(0);
  secs->size = size_of(enclave);
  secs->base = enclave->base;
  secs->ssa_frame_size = 1;
  secs->attributes = enclave->attributes;
  secs->xfrm = enclave->xfrm ? enclave->xfrm : 3;
  secs->misc_select = enclave->misc_select;
  memset(secs->config_id, enclave->config, sizeof secs->config_id);
  struct sgx_enclave_create arguments = {.src = (uint64_t)secs};
  const int result = request(enclave->fd, SGX_IOC_ENCLAVE_CREATE, &arguments);
  free(secs);
  return result;
}

int add(struct enclave* enclave, uint64_t offset, const void* bytes, uint64_t length, uint64_t flags,
        int measured) {
  struct secinfo secinfo = {.flags = flags};
  struct sgx_enclave_add_pages arguments = {.src = (uint64_t)bytes,
                                            .offset = offset,
                                            .length = length,
                                            .secinfo = (uint64_t)&secinfo,
                                            .flags = measured ? SGX_PAGE_MEASURE : 0};
  while (arguments.length) {
    const int result = request(enclave->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &arguments);
    if (result && result != -EINTR) return result;
    arguments.src += arguments.count;
    arguments.offset += arguments.count;
    arguments.length -= arguments.count;
    arguments.count = 0;
  }
  return 0;
}

int add_all(struct enclave* enclave) {
  for (int i = 0; i < SEGMENTS; ++i) {
    const int result = add(enclave, segments[i].offset, content(&segments[i]), segments[i].pages * PAGE,
                           segments[i].flags, 1);
    if (result) return result;
  }
  return 0;
}

int initialize(struct enclave* enclave) {
  struct sgx_enclave_init arguments = {.sigstruct = (uint64_t)&enclave->sigstruct};
  return request(enclave->fd, SGX_IOC_ENCLAVE_INIT, &arguments);
}

static void must(const char* what, int result) {
  if (!result) return;
  printf("# %s: %s\n", what, strerror(-result));
  exit(1);
}

void load_with(struct enclave* enclave, struct enclave terms) {
  *enclave = terms;
  must("open", reserve(enclave));
  must("CREATE", create(enclave));
  must("ADD_PAGES", add_all(enclave));
  sign(enclave);
  must("INIT", initialize(enclave));
  for (int i = 0; i < SEGMENTS; ++i) {
    void* where = (void*)(enclave->base + segments[i].offset);
    if (mmap(where, segments[i].pages * PAGE, segments[i].protection, MAP_SHARED | MAP_FIXED, enclave->fd,
             0) != where)
      must("mmap", -errno);
  }
  enclave->run.tcs = enclave->base + TCS_0;
}
void load(struct enclave* enclave) {
  load_with(enclave, (struct enclave){.attributes = ATTRIBUTE_MODE64 | ATTRIBUTE_DEBUG});
}

vdso_sgx_enter_enclave_t enter;

int enter_leaf(struct enclave* enclave, struct op* op, unsigned leaf) {
  enclave->run.function = 0;
  if (call_vdso((uint64_t)op, 0, 0, leaf, 0, 0, &enclave->run, enter) != 0)
    must("vDSO", -errno ? -errno : -EINVAL);
  if (enclave->run.function == EEXIT) return 0;
  return enclave->run.exception_vector ? enclave->run.exception_vector : 256;
}

uint64_t simple(struct enclave* enclave, uint64_t number, uint64_t a, uint64_t b, uint64_t c) {
  struct op op = {number, a, b, c, 0};
  CHECK_EQ(enter_op(enclave, &op), 0);
  return op.result;
}
