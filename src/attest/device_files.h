// device_files.h: /dev/attestation, the pseudo files by which the shield offers EREPORT, EGETKEY and quotes.
// The meaning is Gramine's ("Attestation and Secret Provisioning"), except the two names marked "ours".
// Trust: shared.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

inline constexpr char kUserReportDataFile[] = "/dev/attestation/user_report_data";  // write 64
inline constexpr char kTargetInfoFile[] = "/dev/attestation/target_info";           // write 512
inline constexpr char kReportFile[] = "/dev/attestation/report";                    // read 432
inline constexpr char kQuoteFile[] = "/dev/attestation/quote";                      // read to the end
inline constexpr char kSealKeyFile[] =
    "/dev/attestation/keys/_sgx_mrenclave";  // read 16: seal key of this measurement
inline constexpr char kReportKeyIdFile[] = "/dev/attestation/report_key_id";  // write 32 (ours)
inline constexpr char kReportKeyFile[] =
    "/dev/attestation/keys/_report";  // read 16: report key for that id (ours)

// write_device writes all bytes with one write. kUnsupported when the file does not exist.
Status write_device(const char* path, ByteView bytes);
// read_device reads to the end; kTooLarge past size_max.
Result<Bytes> read_device(const char* path, std::size_t size_max);

}  // namespace clemmys::attest
