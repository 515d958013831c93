// report_mac.h: checks that a REPORT was made by EREPORT on this processor for the holder of `report_key`.
// Trust: shared. Source: Intel SDM volume 3D, "EREPORT": AES-128-CMAC over the report body.
#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "sgx/arch.h"

namespace clemmys::attest {

// check_report_mac is kDenied when the MAC is wrong. `report_key` is EGETKEY's for report.keyid.
Status check_report_mac(const sgx::Report& report, const Secret<16>& report_key);

}  // namespace clemmys::attest
