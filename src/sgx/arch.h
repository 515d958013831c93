// arch.h: the architecture of Intel SGX as data. Freestanding (the shield includes it): no library, no code
// but constants. Source of every layout: Intel SDM volume 3D, chapter "Enclave Access Control and Data
// Structures", section named at each struct; leaf numbers and error codes: chapter "SGX Instruction
// References". All fields are little-endian, all reserved bytes zero.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace clemmys::sgx {

inline constexpr uint64_t kPageSize = 4096;

// ---- Leaf functions (EAX of ENCLU). EnterLeaf is the part that a host runs.
enum class EnterLeaf : uint32_t { kEenter = 2, kEresume = 3 };
enum class UserLeaf : uint32_t {
  kEreport = 0,
  kEgetkey = 1,
  kEenter = 2,
  kEresume = 3,
  kEexit = 4,
  kEaccept = 5,
  kEmodpe = 6,
  kEacceptcopy = 7,
};
inline constexpr uint8_t kEncluBytes[3] = {0x0f, 0x01, 0xd7};

// ---- "ATTRIBUTES". flags fixes what an enclave may be; xfrm is its XCR0.
struct Attributes {
  uint64_t flags;
  uint64_t xfrm;
};
inline constexpr uint64_t kAttributeInit = 1 << 0;  // set by EINIT
inline constexpr uint64_t kAttributeDebug = 1 << 1;
inline constexpr uint64_t kAttributeMode64 = 1 << 2;
inline constexpr uint64_t kAttributeProvisionKey = 1 << 4;
inline constexpr uint64_t kAttributeEinitTokenKey = 1 << 5;
inline constexpr uint64_t kAttributeKss = 1 << 7;  // CONFIGID, ISVFAMILYID, ISVEXTPRODID are live
inline constexpr uint64_t kXfrmLegacy = 3;         // x87 and SSE: every enclave has them
inline constexpr uint64_t kXfrmAvx = 1 << 2;
inline constexpr uint32_t kMiscExinfo = 1 << 0;  // MISCSELECT: AEX writes EXINFO
static_assert(sizeof(Attributes) == 16);

// ---- "Enclave Page Cache Map" and "SECINFO".
enum class PageType : uint8_t { kSecs = 0, kTcs = 1, kRegular = 2, kVersionArray = 3, kTrim = 4 };
struct SecinfoFlags {
  uint64_t bits;
  constexpr PageType type() const { return static_cast<PageType>((bits >> 8) & 0xff); }
  constexpr bool has(uint64_t mask) const { return (bits & mask) == mask; }
  friend constexpr bool operator==(SecinfoFlags, SecinfoFlags) = default;
};
inline constexpr uint64_t kSecinfoRead = 1 << 0, kSecinfoWrite = 1 << 1, kSecinfoExecute = 1 << 2;
inline constexpr uint64_t kSecinfoPermissions = 7;
inline constexpr uint64_t kSecinfoPending = 1 << 3, kSecinfoModified = 1 << 4,
                          kSecinfoRestricted = 1 << 5;  // PR
constexpr SecinfoFlags secinfo_flags(PageType type, uint64_t bits) {
  return {static_cast<uint64_t>(type) << 8 | bits};
}
constexpr SecinfoFlags secinfo_tcs() { return secinfo_flags(PageType::kTcs, 0); }
constexpr SecinfoFlags secinfo_regular(uint64_t permissions) {
  return secinfo_flags(PageType::kRegular, permissions);
}

struct alignas(64) Secinfo {
  SecinfoFlags flags;
  uint8_t reserved[56];
};
static_assert(sizeof(Secinfo) == 64);

// ---- "PAGEINFO": the operand of EADD, EAUG and EACCEPTCOPY.
struct alignas(32) Pageinfo {
  uint64_t linaddr, srcpge, secinfo, secs;
};
static_assert(sizeof(Pageinfo) == 32);

// ---- "SECS": one per enclave; the processor's alone after ECREATE.
struct Secs {
  uint64_t size;          // a power of two, at least 8192
  uint64_t baseaddr;      // a multiple of size
  uint32_t ssaframesize;  // pages
  uint32_t miscselect;
  uint8_t reserved1[24];  // CET fields: not used
  Attributes attributes;
  uint8_t mrenclave[32];
  uint8_t reserved2[32];
  uint8_t mrsigner[32];
  uint8_t reserved3[32];
  uint8_t configid[64];
  uint16_t isvprodid, isvsvn, configsvn;
  uint8_t reserved4[3834];
};
static_assert(sizeof(Secs) == 4096 && offsetof(Secs, attributes) == 48 && offsetof(Secs, mrenclave) == 64);
static_assert(offsetof(Secs, mrsigner) == 128 && offsetof(Secs, configid) == 192 &&
              offsetof(Secs, isvprodid) == 256);

// ---- "Thread Control Structure". An EADDed page of this layout; software cannot read it again (except in
// debug enclaves).
struct Tcs {
  uint64_t state;             // the processor's; reserved for software
  uint64_t flags;             // bit 0 DBGOPTIN
  uint64_t ossa;              // offset of the SSA stack from the enclave base
  uint32_t cssa;              // current SSA frame: 0 in a new TCS
  uint32_t nssa;              // number of SSA frames
  uint64_t oentry;            // offset of the entry point
  uint64_t aep;               // the processor's
  uint64_t ofsbase, ogsbase;  // offsets that become FS and GS base
  uint32_t fslimit, gslimit;  // 64-bit enclaves: all ones
  uint64_t ocetssa, prevssp;  // CET: zero
  uint8_t reserved[4008];
};
static_assert(sizeof(Tcs) == 4096 && offsetof(Tcs, oentry) == 32 && offsetof(Tcs, fslimit) == 64 &&
              offsetof(Tcs, reserved) == 88);
inline constexpr uint64_t kTcsDebugOptIn = 1 << 0;

// ---- "State Save Area Frame". From the start: XSAVE image; at the end: MISC region, then GPRSGX.
struct GprSgx {
  uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rflags, rip;
  uint64_t ursp, urbp;  // RSP and RBP outside, at EENTER
  uint32_t exitinfo;    // kExitInfo… below; 0: no synchronous exception
  uint8_t reserved[3];
  uint8_t aexnotify;
  uint64_t fsbase, gsbase;
};
static_assert(sizeof(GprSgx) == 184 && offsetof(GprSgx, rflags) == 128 && offsetof(GprSgx, exitinfo) == 160);
static_assert(offsetof(GprSgx, fsbase) == 168);

// "EXITINFO". Type 3 is a hardware exception, 6 a software one (INT3, INTO).
inline constexpr uint32_t kExitInfoValid = 1u << 31;
inline constexpr uint32_t kExitInfoHardware = 3u << 8, kExitInfoSoftware = 6u << 8;
constexpr uint8_t exitinfo_vector(uint32_t exitinfo) { return static_cast<uint8_t>(exitinfo); }

// "EXINFO": the last 16 bytes before GPRSGX, written for #PF and #GP when MISCSELECT has kMiscExinfo.
struct ExInfo {
  uint64_t maddr;  // #PF: the linear address
  uint32_t errcd;
  uint32_t reserved;
};
static_assert(sizeof(ExInfo) == 16);
enum class Vector : uint8_t {  // those that EXITINFO reports
  kDivide = 0,
  kDebug = 1,
  kBreakpoint = 3,
  kBound = 5,
  kInvalidOpcode = 6,
  kGeneralProtection = 13,
  kPageFault = 14,
  kFloatingPoint = 16,
  kAlignment = 17,
  kSimd = 19,
};
// Page fault error code bits (SDM volume 3A, "Page-Fault Exceptions").
inline constexpr uint32_t kPfPresent = 1 << 0, kPfWrite = 1 << 1, kPfUser = 1 << 2, kPfFetch = 1 << 4,
                          kPfSgx = 1 << 15;

// ---- "SIGSTRUCT": the signer's word for one measurement. RSA-3072, exponent 3, SHA-256 over the first and
// third block.
struct Sigstruct {
  uint8_t header[16];
  uint32_t vendor, date;  // date: 0xYYYYMMDD in BCD
  uint8_t header2[16];
  uint32_t swdefined;
  uint8_t reserved1[84];
  uint8_t modulus[384];  // little-endian, as are signature, q1 and q2
  uint32_t exponent;
  uint8_t signature[384];
  uint32_t miscselect, miscmask;
  uint8_t cet_attributes, cet_attributes_mask, reserved2[2];
  uint8_t isvfamilyid[16];
  Attributes attributes, attributemask;
  uint8_t enclavehash[32];
  uint8_t reserved3[16];
  uint8_t isvextprodid[16];
  uint16_t isvprodid, isvsvn;
  uint8_t reserved4[12];
  uint8_t q1[384], q2[384];  // q1 = s² / n, q2 = (s² mod n)·s / n
};
static_assert(sizeof(Sigstruct) == 1808 && offsetof(Sigstruct, modulus) == 128 &&
              offsetof(Sigstruct, signature) == 516);
static_assert(offsetof(Sigstruct, miscselect) == 900 && offsetof(Sigstruct, attributes) == 928);
static_assert(offsetof(Sigstruct, enclavehash) == 960 && offsetof(Sigstruct, isvprodid) == 1024 &&
              offsetof(Sigstruct, q1) == 1040);
inline constexpr uint8_t kSigstructHeader[16] = {6, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
inline constexpr uint8_t kSigstructHeader2[16] = {1, 1, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0};
inline constexpr size_t kSigstructSigned1Size = 128, kSigstructSigned2Offset = 900,
                        kSigstructSigned2Size = 128;

// ---- "REPORT". ReportBody is the part that the MAC covers.
struct ReportBody {
  uint8_t cpusvn[16];
  uint32_t miscselect;
  uint8_t cet_attributes, reserved1[11];
  uint8_t isvextprodid[16];
  Attributes attributes;
  uint8_t mrenclave[32];
  uint8_t reserved2[32];
  uint8_t mrsigner[32];
  uint8_t reserved3[32];
  uint8_t configid[64];
  uint16_t isvprodid, isvsvn, configsvn;
  uint8_t reserved4[42];
  uint8_t isvfamilyid[16];
  uint8_t reportdata[64];
};
static_assert(sizeof(ReportBody) == 384 && offsetof(ReportBody, attributes) == 48 &&
              offsetof(ReportBody, mrenclave) == 64);
static_assert(offsetof(ReportBody, isvprodid) == 256 && offsetof(ReportBody, reportdata) == 320);
struct alignas(16) Report {
  ReportBody body;
  uint8_t keyid[32];
  uint8_t mac[16];  // AES-128-CMAC of body under the target's report key
};
static_assert(sizeof(Report) == 432);
inline constexpr size_t kReportAlignment = 512, kReportDataAlignment = 128, kTargetInfoAlignment = 512,
                        kKeyRequestAlignment = 512;

// ---- "TARGETINFO": who shall be able to check a REPORT.
struct TargetInfo {
  uint8_t measurement[32];
  Attributes attributes;
  uint8_t cet_attributes, reserved1;
  uint16_t configsvn;
  uint32_t miscselect;
  uint8_t reserved2[8];
  uint8_t configid[64];
  uint8_t reserved3[384];
};
static_assert(sizeof(TargetInfo) == 512 && offsetof(TargetInfo, miscselect) == 52 &&
              offsetof(TargetInfo, configid) == 64);

// ---- "KEYREQUEST": the operand of EGETKEY.
struct KeyRequest {
  uint16_t keyname, keypolicy, isvsvn;
  uint8_t cet_attributes_mask, reserved1;
  uint8_t cpusvn[16];
  Attributes attributemask;
  uint8_t keyid[32];
  uint32_t miscmask;
  uint16_t configsvn;
  uint8_t reserved2[434];
};
static_assert(sizeof(KeyRequest) == 512 && offsetof(KeyRequest, attributemask) == 24 &&
              offsetof(KeyRequest, keyid) == 40);
static_assert(offsetof(KeyRequest, miscmask) == 72);
enum class KeyName : uint16_t { kEinitToken = 0, kProvision = 1, kProvisionSeal = 2, kReport = 3, kSeal = 4 };
inline constexpr uint16_t kKeyPolicyMrenclave = 1 << 0, kKeyPolicyMrsigner = 1 << 1,
                          kKeyPolicyNoIsvprodid = 1 << 2, kKeyPolicyConfigid = 1 << 3,
                          kKeyPolicyIsvfamilyid = 1 << 4, kKeyPolicyIsvextprodid = 1 << 5;

// ---- Error codes of leaf functions (RAX; ZF set when not kSuccess).
enum class SgxError : uint32_t {
  kSuccess = 0,
  kInvalidSigStruct = 1,
  kInvalidAttribute = 2,
  kBlkstate = 3,
  kInvalidMeasurement = 4,
  kNotBlockable = 5,
  kPgInvld = 6,
  kEpcPageConflict = 7,
  kInvalidSignature = 8,
  kMacCompareFail = 9,
  kPageNotBlocked = 10,
  kNotTracked = 11,
  kVaSlotOccupied = 12,
  kChildPresent = 13,
  kEnclaveAct = 14,
  kEntryepochLocked = 15,
  kInvalidEinitToken = 16,
  kPrevTrkIncmpl = 17,
  kPgIsSecs = 18,
  kPageAttributesMismatch = 19,
  kPageNotModifiable = 20,
  kPageNotDebuggable = 21,
  kInvalidCpusvn = 32,
  kInvalidIsvsvn = 64,
  kUnmaskedEvent = 128,
  kInvalidKeyname = 256,
};

// ---- "EADD", "EEXTEND": sizes of the measurement log.
inline constexpr size_t kMeasureRecordSize = 64, kExtendChunkSize = 256;

}  // namespace clemmys::sgx
