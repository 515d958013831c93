#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "attest/tcb.h"

namespace clemmys::attest {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"UpToDate",
                                                    "SWHardeningNeeded",
                                                    "ConfigurationNeeded",
                                                    "ConfigurationAndSWHardeningNeeded",
                                                    "OutOfDate",
                                                    "OutOfDateConfigurationNeeded",
                                                    "Revoked"};

bool configuration_needed(TcbStatus status) {
  return status == TcbStatus::kConfigurationNeeded ||
         status == TcbStatus::kConfigurationAndSwHardeningNeeded ||
         status == TcbStatus::kOutOfDateConfigurationNeeded;
}

}  // namespace

std::string_view tcb_status_name(TcbStatus status) { return kNames.at(static_cast<std::size_t>(status)); }

Result<TcbStatus> tcb_status_from_name(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return Error{ErrorCode::kDenied, "attest.tcb.status", "unknown TCB status"};
  return static_cast<TcbStatus>(found - kNames.begin());
}

Judgement combine(const Judgement& platform, const Judgement& quoting_enclave) {
  Judgement result = platform;
  if (quoting_enclave.status == TcbStatus::kRevoked) {
    result.status = TcbStatus::kRevoked;
  } else if (quoting_enclave.status == TcbStatus::kOutOfDate && platform.status != TcbStatus::kRevoked) {
    result.status = configuration_needed(platform.status) ? TcbStatus::kOutOfDateConfigurationNeeded
                                                          : TcbStatus::kOutOfDate;
  } else {
    result.status = std::max(platform.status, quoting_enclave.status);
  }
  result.advisories.insert(result.advisories.end(), quoting_enclave.advisories.begin(),
                           quoting_enclave.advisories.end());
  std::ranges::sort(result.advisories);
  const auto repeated = std::ranges::unique(result.advisories);
  result.advisories.erase(repeated.begin(), repeated.end());
  return result;
}

Result<std::uint64_t> unix_from_date(std::string_view date) {
  const Error malformed{ErrorCode::kDenied, "attest.date", "not a date of the form 2025-06-19T10:56:11Z"};
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (date.size() != kForm.size()) return malformed;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = date[i] >= '0' && date[i] <= '9';
    if (kForm[i] == '0' ? !digit : date[i] != kForm[i]) return malformed;
  }
  const auto number = [&](std::size_t from, std::size_t count) {
    int value = 0;
    std::from_chars(date.data() + from, date.data() + from + count, value);
    return value;
  };
  const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!day.ok() || number(0, 4) < 1970 || hour > 23 || minute > 59 || second > 59) return malformed;
  const auto days = std::chrono::sys_days(day).time_since_epoch().count();
  return static_cast<std::uint64_t>(days) * 86400 +
         static_cast<std::uint64_t>(hour * 3600 + minute * 60 + second);
}

std::string date_from_unix(std::uint64_t unix_s) {
  const std::chrono::sys_days midnight{std::chrono::days(unix_s / 86400)};
  const std::chrono::year_month_day day(midnight);
  const auto rest = static_cast<unsigned>(unix_s % 86400);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02u:%02u:%02uZ", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), rest / 3600,
                rest / 60 % 60, rest % 60);
  return text.data();
}

}  // namespace clemmys::attest
