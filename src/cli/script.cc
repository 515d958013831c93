#include "cli/script.h"

#include <minizip/zip.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "cli/outcome.h"
#include "cli/sdk_flags.h"
#include "wire/code.h"

namespace clemmys::cli {
namespace {

Error too_large(const fs::path& path) {
  return failure(ErrorCode::kTooLarge, "cli.script.size", path.string() + " is over 48 MiB",
                 "leave out what the function does not need, e.g. npm install --omit=dev");
}

// files_of gives a folder's files, by their names inside it.
Result<std::vector<std::string>> files_of(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (entry->path().filename() == ".git") entry.disable_recursion_pending();
    if (entry->is_regular_file()) names.push_back(entry->path().lexically_relative(folder).generic_string());
  }
  if (error)
    return failure(ErrorCode::kDenied, "cli.script.folder", "cannot read " + folder.string(),
                   "correct its rights");
  std::ranges::sort(names);
  return names;
}

// Archive writes one zip file; minizip knows no other place than a file.
class Archive {
 public:
  static Result<Archive> create(const fs::path& file) {
    zipFile handle = ::zipOpen64(file.c_str(), APPEND_STATUS_CREATE);
    if (handle == nullptr) return broken();
    return Archive(handle);
  }
  Archive(Archive&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Archive& operator=(Archive&&) = delete;
  ~Archive() {
    if (handle_ != nullptr) ::zipClose(handle_, nullptr);
  }
  Status add(const std::string& name, ByteView content) {
    zip_fileinfo information{};  // no time of its own: 1980
    information.tmz_date = {
        .tm_sec = 0, .tm_min = 0, .tm_hour = 0, .tm_mday = 1, .tm_mon = 0, .tm_year = 1980};
    const bool done =
        ::zipOpenNewFileInZip64(handle_, name.c_str(), &information, nullptr, 0, nullptr, 0, nullptr,
                                Z_DEFLATED, Z_DEFAULT_COMPRESSION, 0) == ZIP_OK &&
        ::zipWriteInFileInZip(handle_, content.data(), static_cast<unsigned>(content.size())) == ZIP_OK &&
        ::zipCloseFileInZip(handle_) == ZIP_OK;
    return done ? Status() : broken();
  }
  Status close() {
    return ::zipClose(std::exchange(handle_, nullptr), nullptr) == ZIP_OK ? Status() : broken();
  }

 private:
  explicit Archive(zipFile handle) : handle_(handle) {}
  static Error broken() {
    return failure(ErrorCode::kInternal, "cli.script.archive", "cannot write a zip archive",
                   "make room in the folder for temporary files");
  }
  zipFile handle_;
};

Result<Bytes> zip_folder(const fs::path& folder) {
  const std::vector<std::string> names = TRY(files_of(folder));
  if (std::ranges::find(names, "package.json") == names.end() &&
      std::ranges::find(names, "index.js") == names.end()) {
    return failure(ErrorCode::kInvalid, "cli.script.entry",
                   folder.string() + " has neither package.json nor index.js",
                   "add one: its \"main\" names the file that exports main");
  }
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  const fs::path file = work.path() / "code.zip";
  Archive archive = TRY(Archive::create(file));
  std::size_t size = 0;
  for (const std::string& name : names) {
    const Bytes content = TRY(read_file(folder / name));
    size += content.size();
    if (size > 8 * wire::kCodeSizeMax) return too_large(folder);
    TRY(archive.add(name, content));
  }
  TRY(archive.close());
  return read_file(file);
}

}  // namespace

bool is_script(const fs::path& path) {
  static const std::set<std::string> kExtensions{".js", ".mjs", ".cjs", ".zip"};
  return kExtensions.contains(path.extension().string()) || fs::is_directory(path);
}

std::string script_kind(const std::string& wanted) {
  return wanted.empty() || wanted == "js" ? "nodejs:default" : wanted;
}

Result<ScriptCode> read_script(const fs::path& path) {
  ScriptCode code;
  const bool folder = fs::is_directory(path);
  code.is_zip = folder || path.extension() == ".zip";
  code.bytes = TRY(folder ? zip_folder(path) : read_file(path));
  if (code.bytes.size() > wire::kCodeSizeMax) return too_large(path);
  if (code.is_zip && !as_text(code.bytes).starts_with("PK\x03\x04"))
    return failure(ErrorCode::kInvalid, "cli.script.zip", path.string() + " is not a zip archive",
                   "make one: zip -r");
  return code;
}

Status check_script(const ScriptCode& code, const fs::path& path, const std::string& main) {
  const Layout layout = TRY(find_layout());
  const TemporaryFolder work = TRY(TemporaryFolder::make());
  const fs::path archive = work.path() / "code.zip";
  if (code.is_zip) TRY(write_file(archive, code.bytes, Privacy::kOwnerOnly));
  std::vector<std::string> arguments{(layout.programs / "js").string(), "--check",
                                     (code.is_zip ? archive : path).string()};
  if (!main.empty()) arguments.push_back(main);
  return run_tool(arguments, Output::kError, "cli.script.syntax", path.string() + " does not compile",
                  "correct what the engine says above");
}

}  // namespace clemmys::cli
