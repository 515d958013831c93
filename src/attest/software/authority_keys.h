// authority_keys.h: the keys behind an Authority. Inner header of this folder.
#pragma once

#include "attest/software/authority.h"
#include "attest/software/issue.h"

namespace clemmys::attest::software {

struct Authority::Keys {
  Credential root, processor_ca, pck, tcb_signing;
  PckFields platform;
};

// read_credential and write_credential keep NAME.key (PKCS #8) and NAME.pem in `directory`.
Result<Credential> read_credential(const std::filesystem::path& directory, const std::string& name);
Status write_credential(const std::filesystem::path& directory, const std::string& name,
                        const Credential& credential);

}  // namespace clemmys::attest::software
