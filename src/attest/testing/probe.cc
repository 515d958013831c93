// attest_probe REPORT_DATA: prints evidence of the enclave it runs in, over 64 bytes given in hexadecimal.
// For tests.
#include <cstdio>

#include "attest/attester.h"

int main(int argc, char** argv) {
  using namespace clemmys;
  if (argc != 2) return 2;
  const auto report_data = fixed_from_hex<attest::ReportData>(argv[1]);
  if (!report_data) return 2;
  const auto attester = attest::device_attester();
  if (!attester) return 3;
  const auto evidence = (*attester)->evidence(*report_data);
  if (!evidence) return 4;
  std::puts(to_hex(*evidence).c_str());
  return 0;
}
