/* main.c: runs every test in a process of its own and reports as TAP. A name as argument runs that test here,
 * -name all others. */
#include <sys/wait.h>
#include <unistd.h>

#include "sgx.h"

struct test* tests;
int failures;

int main(int argc, char** argv) {
  setvbuf(stdout, 0, _IOLBF, 0);
  enter = (vdso_sgx_enter_enclave_t)vdso_by_hash("__vdso_sgx_enter_enclave");
  if (!enter) return printf("Bail out! the vDSO has no __vdso_sgx_enter_enclave\n"), 1;
  struct enclave warm = {.attributes = ATTRIBUTE_MODE64};
  sign(&warm); /* makes the signing key once */
  int number = 0, failed = 0;
  for (struct test* test = tests; test; test = test->next) {
    const int others = argc > 1 && argv[1][0] == '-';
    const int named = argc > 1 && strcmp(argv[1] + others, test->name) == 0;
    if (argc > 1 && named == others) continue;
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      test->run();
      exit(failures != 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    const int bad = status != 0;
    failed += bad;
    printf("%sok %d - %s", bad ? "not " : "", ++number, test->name);
    printf(WIFSIGNALED(status) ? " (signal %d)\n" : "\n", WTERMSIG(status));
  }
  printf("1..%d\n# %d failed\n", number, failed);
  return failed != 0 || number == 0;
}
