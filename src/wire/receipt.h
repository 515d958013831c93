// receipt.h: the encoding of receipt entries, shared by envelope and receipt code. Inner header of wire/.
// Trust: shared.
#pragma once

#include "base/codec.h"
#include "wire/envelope.h"

namespace clemmys::wire {

inline constexpr std::size_t kReceiptEntrySize = 16 + 4 * 32 + 8 + 24 + 32;

void write(Writer& writer, const ReceiptEntry& entry);
ReceiptEntry read_receipt_entry(Reader& reader);

}  // namespace clemmys::wire
