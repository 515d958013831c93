/* static_program.c: a statically linked program. */
#include <stdio.h>

int main(void) { return puts("ran") < 0; }
