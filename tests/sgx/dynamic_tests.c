/* dynamic_tests.c: SGX2 through the driver: pages added, accepted, restricted, extended, turned into threads,
 * trimmed, removed. */
#include <sys/mman.h>

#include "sgx.h"

enum { RW = PROT_READ | PROT_WRITE, RWX = RW | PROT_EXEC };
static const uint64_t NEW = PT_REG | R | W | PENDING;

static void map_dynamic(struct enclave* enclave, uint64_t pages, int protection) {
  void* where = (void*)(enclave->base + DYNAMIC);
  CHECK(mmap(where, pages * PAGE, protection, MAP_SHARED | MAP_FIXED, enclave->fd, 0) == where);
}
static uint64_t accept(struct enclave* enclave, uint64_t offset, uint64_t flags) {
  return simple(enclave, ACCEPT, enclave->base + offset, flags, 0);
}
static int restrict_to(struct enclave* enclave, uint64_t offset, uint64_t length, uint64_t permissions,
                       struct sgx_enclave_restrict_permissions* out) {
  *out = (struct sgx_enclave_restrict_permissions){
      .offset = offset, .length = length, .permissions = permissions};
  return request(enclave->fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, out);
}
static int modify(struct enclave* enclave, uint64_t offset, uint64_t length, uint64_t type,
                  struct sgx_enclave_modify_types* out) {
  *out = (struct sgx_enclave_modify_types){.offset = offset, .length = length, .page_type = type};
  return request(enclave->fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, out);
}
static int remove_pages(struct enclave* enclave, uint64_t offset, uint64_t length, uint64_t* count) {
  struct sgx_enclave_remove_pages arguments = {.offset = offset, .length = length};
  const int result = request(enclave->fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &arguments);
  *count = arguments.count;
  return result;
}

TEST(augment_by_touching) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 2, RWX);
  struct op put = {.number = PUT, .a = enclave.base + DYNAMIC + 8, .b = 42};
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_addr, enclave.base + DYNAMIC);
  CHECK_EQ(enclave.run.exception_error_code, FAULT_P | FAULT_W | FAULT_U | FAULT_SGX);
  CHECK_EQ(accept(&enclave, DYNAMIC, NEW), 0); /* nested entry */
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + DYNAMIC + 8, 0, 0), 42);
  CHECK_EQ(simple(&enclave, GET, enclave.base + DYNAMIC + 16, 0, 0), 0);
}

TEST(augment_by_accepting_first) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 2, RWX);
  CHECK_EQ(accept(&enclave, DYNAMIC + PAGE, NEW), 0);
  CHECK_EQ(accept(&enclave, DYNAMIC + PAGE, NEW), 19); /* SGX_PAGE_ATTRIBUTES_MISMATCH */
  simple(&enclave, PUT, enclave.base + DYNAMIC + PAGE, 7, 0);
}

TEST(augment_from_outside_reads_the_abort_page) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 4, RWX);
  volatile uint8_t* outside = (volatile uint8_t*)(enclave.base + DYNAMIC);
  for (int i = 0; i < 4; ++i) CHECK_EQ(outside[i * PAGE + 17], 0xff);
  outside[3] = 1; /* lost */
  for (int i = 0; i < 4; ++i) CHECK_EQ(accept(&enclave, DYNAMIC + (uint64_t)i * PAGE, NEW), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + DYNAMIC, 0, 0), 0);
}

TEST(accept_copy_takes_contents_and_permissions) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 1, RWX);
  struct op touch = {.number = GET, .a = enclave.base + DYNAMIC};
  CHECK_EQ(enter_op(&enclave, &touch), 14);
  CHECK_EQ(simple(&enclave, ACCEPT_COPY, enclave.base + DYNAMIC, PT_REG | R | X, enclave.base + READ_ONLY),
           0);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(touch.result, 0x5a5a5a5a5a5a5a5a);
  struct op put = {.number = PUT, .a = enclave.base + DYNAMIC};
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_error_code, FAULT_P | FAULT_W | FAULT_U | FAULT_SGX);
}

TEST(page_table_permissions_restrict) {
  struct enclave enclave;
  load(&enclave);
  void* page = (void*)(enclave.base + BUFFER);
  struct op put = {.number = PUT, .a = enclave.base + BUFFER, .b = 5};
  CHECK_EQ(mprotect(page, PAGE, PROT_READ), 0);
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_error_code, FAULT_P | FAULT_W | FAULT_U);
  CHECK_EQ(mprotect(page, PAGE, RW), 0);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 5);
}

TEST(epcm_permissions_restrict_and_only_the_enclave_extends) {
  struct enclave enclave;
  load(&enclave);
  struct sgx_enclave_restrict_permissions terms;
  CHECK_EQ(restrict_to(&enclave, BUFFER, PAGE, R, &terms), 0);
  CHECK_EQ(terms.count, PAGE);
  CHECK_EQ(terms.result, 0);
  CHECK_EQ(accept(&enclave, BUFFER, PT_REG | R | PR), 0);
  struct op put = {.number = PUT, .a = enclave.base + BUFFER, .b = 6};
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_error_code, FAULT_P | FAULT_W | FAULT_U | FAULT_SGX);
  CHECK_EQ(simple(&enclave, EXTEND, enclave.base + BUFFER, PT_REG | R | W, 0), 0);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + BUFFER, 0, 0), 6);
}

TEST(restrict_checks_its_arguments) {
  struct enclave enclave;
  load(&enclave);
  struct sgx_enclave_restrict_permissions terms;
  CHECK_EQ(restrict_to(&enclave, BUFFER + 1, PAGE, R, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, BUFFER, 0, R, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, ENCLAVE_SIZE, PAGE, R, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, BUFFER, PAGE, W, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, BUFFER, PAGE, 8, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, TCS_1, PAGE, R, &terms), -EINVAL);
  CHECK_EQ(restrict_to(&enclave, DYNAMIC, PAGE, R, &terms), -EFAULT);
  CHECK_EQ(restrict_to(&enclave, BUFFER, 3 * PAGE, R, &terms), 0); /* up to the read-only page */
  CHECK_EQ(restrict_to(&enclave, READ_ONLY, 2 * PAGE, R, &terms), -EFAULT);
  CHECK_EQ(terms.count, PAGE);
  terms = (struct sgx_enclave_restrict_permissions){
      .offset = BUFFER, .length = PAGE, .permissions = R, .count = 1};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &terms), -EINVAL);
  terms = (struct sgx_enclave_restrict_permissions){
      .offset = BUFFER, .length = PAGE, .permissions = R, .result = 1};
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &terms), -EINVAL);
  CHECK_EQ(request(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, (void*)8), -EFAULT);
}

TEST(a_pending_page_is_not_modifiable) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 1, RWX);
  (void)*(volatile uint8_t*)(enclave.base + DYNAMIC);
  struct sgx_enclave_restrict_permissions terms;
  CHECK_EQ(restrict_to(&enclave, DYNAMIC, PAGE, R, &terms), -EFAULT);
  CHECK_EQ(terms.result, 20); /* SGX_PAGE_NOT_MODIFIABLE */
  CHECK_EQ(terms.count, 0);
}

TEST(a_page_becomes_a_thread_and_goes) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 3, RWX);
  const uint64_t tcs_address = enclave.base + DYNAMIC;
  for (uint64_t i = 0; i < 3; ++i) CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, NEW), 0);
  const struct tcs tcs = thread_with_frames_at(DYNAMIC + PAGE);
  for (uint64_t i = 0; i < 72; i += 8) {
    uint64_t word;
    memcpy(&word, (const char*)&tcs + i, 8);
    simple(&enclave, PUT, tcs_address + i, word, 0);
  }
  struct sgx_enclave_modify_types terms;
  CHECK_EQ(modify(&enclave, DYNAMIC, PAGE, 1, &terms), 0);
  CHECK_EQ(terms.count, PAGE);
  enclave.run.tcs = tcs_address;
  struct op op = {.number = GET, .a = enclave.base + READ_ONLY};
  CHECK_EQ(enter_op(&enclave, &op), 14); /* MODIFIED: not accepted yet */
  enclave.run.tcs = enclave.base + TCS_0;
  CHECK_EQ(accept(&enclave, DYNAMIC, PT_TCS | MODIFIED), 0);
  enclave.run.tcs = tcs_address;
  CHECK_EQ(enter_op(&enclave, &op), 0);
  CHECK_EQ(op.result, 0x5a5a5a5a5a5a5a5a);
  enclave.run.tcs = enclave.base + TCS_0;
  CHECK_EQ(modify(&enclave, DYNAMIC, PAGE, 1, &terms), -EINVAL); /* a TCS only becomes TRIM */
  CHECK_EQ(modify(&enclave, DYNAMIC, 3 * PAGE, 4, &terms), 0);
  CHECK_EQ(terms.count, 3 * PAGE);
  for (uint64_t i = 0; i < 3; ++i) CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, PT_TRIM | MODIFIED), 0);
  uint64_t count;
  CHECK_EQ(remove_pages(&enclave, DYNAMIC, 3 * PAGE, &count), 0);
  CHECK_EQ(count, 3 * PAGE);
  enclave.run.tcs = tcs_address;
  CHECK_EQ(enter_op(&enclave, &op), 14);
}

TEST(a_page_that_may_not_be_written_becomes_no_thread) {
  struct enclave enclave;
  load(&enclave);
  struct sgx_enclave_modify_types terms;
  CHECK_EQ(modify(&enclave, READ_ONLY, PAGE, 1, &terms), -EPERM);
  CHECK_EQ(modify(&enclave, BUFFER, PAGE, 0, &terms), -EINVAL);
  CHECK_EQ(modify(&enclave, BUFFER, PAGE, 2, &terms), -EINVAL);
  CHECK_EQ(modify(&enclave, BUFFER, PAGE, 0x104, &terms), -EINVAL);
  CHECK_EQ(modify(&enclave, DYNAMIC, PAGE, 4, &terms), -EFAULT);
}

/* The whole range as a program does it that goes on where a call came to; the length that was done, and the
 * error. */
static uint64_t modify_all(struct enclave* enclave, uint64_t offset, uint64_t length, uint64_t type,
                           int* error, uint64_t* result) {
  struct sgx_enclave_modify_types terms;
  uint64_t done = 0;
  do {
    *error = modify(enclave, offset + done, length - done, type, &terms);
    done += terms.count;
  } while (*error == 0 && done < length);
  *result = terms.result;
  return done;
}
static uint64_t remove_all(struct enclave* enclave, uint64_t offset, uint64_t length, int* error) {
  uint64_t count, done = 0;
  do {
    *error = remove_pages(enclave, offset + done, length - done, &count);
    done += count;
  } while (*error == 0 && done < length);
  return done;
}
TEST(changes_of_type_stop_at_the_first_error) {
  struct enclave enclave;
  load(&enclave);
  int error;
  uint64_t result;
  CHECK_EQ(modify_all(&enclave, BUFFER, 3 * PAGE, 1, &error, &result),
           2 * PAGE); /* then one that is read-only */
  CHECK_EQ(error, -EPERM);
  CHECK_EQ(modify_all(&enclave, READ_ONLY, 2 * PAGE, 4, &error, &result), PAGE); /* then none */
  CHECK_EQ(error, -EFAULT);
  CHECK_EQ(result, 0);
  CHECK_EQ(modify_all(&enclave, BUFFER, PAGE, 4, &error, &result), 0); /* a TCS that is not accepted */
  CHECK_EQ(error, -EFAULT);
  CHECK_EQ(result, 20);
  map_dynamic(&enclave, 3, RWX);
  for (uint64_t i = 0; i < 3; ++i)
    if (i == 1)
      (void)*(volatile uint8_t*)(enclave.base + DYNAMIC + PAGE); /* PENDING */
    else
      CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, NEW), 0);
  CHECK_EQ(modify_all(&enclave, DYNAMIC, 3 * PAGE, 4, &error, &result), PAGE);
  CHECK_EQ(error, -EFAULT);
  CHECK_EQ(result, 20);
  CHECK_EQ(accept(&enclave, DYNAMIC, PT_TRIM | MODIFIED), 0);
  CHECK_EQ(simple(&enclave, GET, enclave.base + DYNAMIC + 2 * PAGE, 0, 0), 0); /* untouched */
}
TEST(removal_stops_at_the_first_error) {
  struct enclave enclave;
  load(&enclave);
  int error;
  uint64_t result;
  CHECK_EQ(modify_all(&enclave, DATA + PAGE, 3 * PAGE, 4, &error, &result), 3 * PAGE);
  CHECK_EQ(accept(&enclave, BUFFER, PT_TRIM | MODIFIED), 0);
  CHECK_EQ(remove_all(&enclave, BUFFER, 3 * PAGE, &error), PAGE); /* then one that is not accepted */
  CHECK_EQ(error, -EPERM);
  CHECK_EQ(accept(&enclave, BUFFER + PAGE, PT_TRIM | MODIFIED), 0);
  CHECK_EQ(accept(&enclave, READ_ONLY, PT_TRIM | MODIFIED), 0);
  CHECK_EQ(remove_all(&enclave, BUFFER + PAGE, 3 * PAGE, &error), 2 * PAGE); /* then none */
  CHECK_EQ(error, -EFAULT);
  CHECK_EQ(remove_all(&enclave, DATA, PAGE, &error), 0); /* not trimmed */
  CHECK_EQ(error, -EPERM);
}

TEST(removal_wants_trim_then_accept) {
  struct enclave enclave;
  load(&enclave);
  uint64_t count;
  struct sgx_enclave_modify_types terms;
  CHECK_EQ(remove_pages(&enclave, BUFFER, PAGE, &count), -EPERM);
  CHECK_EQ(remove_pages(&enclave, DYNAMIC, PAGE, &count), -EFAULT);
  CHECK_EQ(remove_pages(&enclave, BUFFER, 12, &count), -EINVAL);
  CHECK_EQ(modify(&enclave, BUFFER, PAGE, 4, &terms), 0);
  CHECK_EQ(remove_pages(&enclave, BUFFER, PAGE, &count), -EPERM);
  CHECK_EQ(count, 0);
  struct op get = {.number = GET, .a = enclave.base + BUFFER};
  CHECK_EQ(enter_op(&enclave, &get), 14);
  CHECK_EQ(enclave.run.exception_error_code, FAULT_P | FAULT_U | FAULT_SGX);
  CHECK_EQ(accept(&enclave, BUFFER, PT_TRIM | MODIFIED), 0);
  CHECK_EQ(modify(&enclave, BUFFER, PAGE, 4, &terms), -EINVAL);
  CHECK_EQ(remove_pages(&enclave, BUFFER, PAGE, &count), 0);
  CHECK_EQ(count, PAGE);
  enclave.run.exception_vector = 0;
  CHECK_EQ(resume(&enclave), 14); /* a new page, not accepted */
  CHECK_EQ(accept(&enclave, BUFFER, NEW), 0);
  CHECK_EQ(resume(&enclave), 0);
  CHECK_EQ(get.result, 0);
}

TEST(more_pages_than_a_small_cache_holds) {
  struct enclave enclave;
  load(&enclave);
  const uint64_t pages = (ENCLAVE_SIZE - DYNAMIC) / PAGE; /* 192 */
  map_dynamic(&enclave, pages, RW);
  for (uint64_t i = 0; i < pages; ++i) {
    CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, NEW), 0);
    simple(&enclave, PUT, enclave.base + DYNAMIC + i * PAGE + 8, i * i, 0);
  }
  for (uint64_t i = 0; i < pages; ++i)
    CHECK_EQ(simple(&enclave, GET, enclave.base + DYNAMIC + i * PAGE + 8, 0, 0), i * i);
}

TEST(pages_between_two_states_leave_a_small_cache) {
  struct enclave enclave;
  load(&enclave);
  const uint64_t pages = (ENCLAVE_SIZE - DYNAMIC) / PAGE; /* 192 */
  map_dynamic(&enclave, pages, RW);
  volatile uint8_t* outside = (volatile uint8_t*)(enclave.base + DYNAMIC);
  for (uint64_t i = 0; i < pages; ++i) CHECK_EQ(outside[i * PAGE], 0xff); /* PENDING, all of them */
  for (uint64_t i = 0; i < pages; ++i) CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, NEW), 0);
  struct sgx_enclave_modify_types terms;
  CHECK_EQ(modify(&enclave, DYNAMIC, pages * PAGE, 4, &terms), 0);
  while (terms.count < pages * PAGE) { /* as far as a signal let it come */
    const uint64_t done = terms.offset - DYNAMIC + terms.count;
    if (done == pages * PAGE) break;
    CHECK_EQ(modify(&enclave, DYNAMIC + done, pages * PAGE - done, 4, &terms), 0);
  }
  for (uint64_t i = 0; i < pages; ++i) CHECK_EQ(accept(&enclave, DYNAMIC + i * PAGE, PT_TRIM | MODIFIED), 0);
  uint64_t count, gone = 0;
  while (gone < pages * PAGE && remove_pages(&enclave, DYNAMIC + gone, pages * PAGE - gone, &count) == 0)
    gone += count;
  CHECK_EQ(gone, pages * PAGE);
}

TEST(pages_added_at_run_time_go_by_the_enclaves_word_only) {
  struct enclave enclave;
  load(&enclave);
  map_dynamic(&enclave, 1, PROT_READ);
  struct op put = {.number = PUT, .a = enclave.base + DYNAMIC, .b = 1};
  CHECK_EQ(enter_op(&enclave, &put), 14);
  CHECK_EQ(enclave.run.exception_error_code & FAULT_SGX, 0); /* the mapping, not the EPCM */
  map_dynamic(&enclave, 1, RW);
  CHECK_EQ(accept(&enclave, DYNAMIC, NEW), 0);
  CHECK_EQ(resume(&enclave), 0);
}
