#include "runtime/js/files.h"

#include <gtest/gtest.h>
#include <minizip/zip.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "runtime/js/testing/scripts.h"

namespace clemmys::runtime::js {
namespace {

struct File {
  std::string name, content;
};

// zip_of is an archive as minizip writes it.
std::string zip_of(const std::vector<File>& files) {
  const std::string path = ::testing::TempDir() + "/clemmys-zip-test.zip";
  zipFile archive = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  for (const File& file : files) {
    zip_fileinfo info{};
    zipOpenNewFileInZip64(archive, file.name.c_str(), &info, nullptr, 0, nullptr, 0, nullptr, Z_DEFLATED, 6,
                          0);
    zipWriteInFileInZip(archive, file.content.data(), static_cast<unsigned>(file.content.size()));
    zipCloseFileInZip(archive);
  }
  zipClose(archive, nullptr);
  std::ifstream in(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::filesystem::remove(path);
  return bytes;
}

std::string site_of(const std::string& archive, std::size_t limit = kUnpackedSizeMax) {
  const auto files = ActionFiles::of_zip(as_bytes(archive), limit);
  return files ? "accepted" : std::string(files.error().site);
}

TEST(ActionFiles, AreThoseOfTheArchive) {
  const std::string archive =
      zip_of({{"index.js", "one"}, {"lib/a/b.js", "two"}, {"lib/c.js", ""}, {"empty/", ""}});
  const auto files = ActionFiles::of_zip(as_bytes(archive));
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(as_text(*files->find("/action/index.js")), "one");
  EXPECT_EQ(as_text(*files->find("/action/lib/a/b.js")), "two");
  EXPECT_EQ(files->kind("/action/lib"), ActionFiles::Kind::kDirectory);
  EXPECT_EQ(files->kind("/action/nothing"), ActionFiles::Kind::kNone);
  EXPECT_EQ(files->list("/action/lib"), "a\nc.js");
  EXPECT_FALSE(files->find("/action/lib"));
}

TEST(ActionFiles, RefuseArchivesThatAreNone) {
  EXPECT_EQ(site_of("not a zip"), "runtime.js.zip.open");
  EXPECT_EQ(site_of(""), "runtime.js.zip.open");
  const std::string good = zip_of({{"index.js", std::string(1000, 'a') + "b"}});
  EXPECT_EQ(site_of(good), "accepted");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    site_of(bad);  // whatever the verdict: no crash; where the content changed, the CRC tells
  }
  // The last four bytes are the comment's place and length, which minizip does not miss.
  for (std::size_t size = 0; size + 4 < good.size(); ++size)
    EXPECT_NE(site_of(good.substr(0, size)), "accepted") << size;
}

TEST(ActionFiles, RefuseNamesThatLeaveTheRoot) {
  for (const char* name : {"../x.js", "/etc/passwd", "a/../../b", "a//b", "a\\b", "./../x", "a/./b"})
    EXPECT_EQ(site_of(zip_of({{name, "x"}})), "runtime.js.zip.name") << name;
  EXPECT_EQ(site_of(zip_of({{"a.js", "1"}, {"a.js", "2"}})), "runtime.js.files.twice");
}

TEST(ActionFiles, RefuseBombs) {
  EXPECT_EQ(site_of(zip_of({{"a", std::string(1u << 20, 'a')}, {"b", std::string(1u << 20, 'b')}}), 3u << 19),
            "runtime.js.zip.size");
}

TEST(ZipAction, RequiresFilesFoldersJsonAndPackages) {
  const std::string archive = zip_of({
      {"package.json", R"({"main": "src/start.js", "imports": {"#own": "./src/own.js"}})"},
      {"src/start.js",
       "const own = require('#own'); exports.main = async () => ({own, json: require('../data.json').x, dir: "
       "require('./part').p, pkg: require('dep'), "
       "sub: require('dep/feature'), scoped: require('@s/p/deep.js'), esm: (await "
       "import('./module.mjs')).default, sync: require('./module.mjs').named, cycle: "
       "require('./a').b.a.done, "
       "file: require('fs').readFileSync(__dirname + '/../data.json', 'utf8').length, name: "
       "require('path').basename(__filename)});"},
      {"src/own.js", "module.exports = 'own';"},
      {"src/part/index.js", "exports.p = 'part';"},
      {"src/a.js", "exports.done = false; exports.b = require('./b'); exports.done = true;"},
      {"src/b.js", "exports.a = require('./a');"},
      {"src/module.mjs",
       "import dep, { kind } from 'dep'; import data from '../data.json' with { type: 'json' }; import { "
       "join } from 'path'; export const named = join('n', kind); export default [kind, data.x, typeof "
       "dep];"},
      {"data.json", R"({"x": 7})"},
      {"node_modules/dep/package.json",
       R"({"name": "dep", "exports": {".": {"import": "./esm.mjs", "require": "./cjs.cjs"}, "./feature": "./lib/feature.js"}})"},
      {"node_modules/dep/esm.mjs", "export default {}; export const kind = 'esm';"},
      {"node_modules/dep/cjs.cjs", "module.exports = 'cjs';"},
      {"node_modules/dep/lib/feature.js", "module.exports = 'feature';"},
      {"node_modules/@s/p/deep.js", "module.exports = 'deep';"},
  });
  EXPECT_EQ(
      testing::answer(archive),
      R"({"own":"own","json":7,"dir":"part","pkg":"cjs","sub":"feature","scoped":"deep","esm":["esm",7,"object"],"sync":"n/esm","cycle":true,"file":8,"name":"start.js"})");
}

TEST(ZipAction, IsAnEsModuleWhereItsPackageSaysSo) {
  EXPECT_EQ(
      testing::answer(zip_of({{"package.json", R"({"type": "module", "main": "index.js"})"},
                              {"index.js", "import { x } from './x.js'; export const main = () => ({x});"},
                              {"x.js", "export const x = 1;"}})),
      R"({"x":1})");
}

TEST(ZipAction, AnEsModuleKnowsWhereItIs) {
  EXPECT_EQ(
      testing::answer(zip_of(
          {{"package.json", R"({"type": "module", "main": "index.js"})"},
           {"index.js",
            "#!/usr/bin/env node\nimport { meta, here } from './a b#c/m.mjs'; import { readFileSync } from "
            "'fs'; const {url} = import.meta; export const main = () => ({url, meta, here, file: "
            "readFileSync(new URL('./data.txt', url), 'utf8')});"},
           {"a b#c/m.mjs",
            "import { createRequire } from 'module'; export const meta = {...import.meta}, here = "
            "createRequire(import.meta.url)('./here.cjs');"},
           {"a b#c/here.cjs", "module.exports = 'here';"},
           {"data.txt", "data"}})),
      R"({"url":"file:///action/index.js","meta":{"dirname":"/action/a b#c","filename":"/action/a b#c/m.mjs",)"
      R"("url":"file:///action/a%20b%23c/m.mjs"},"here":"here","file":"data"})");
}

TEST(ZipAction, NeedsAStartingPointAndSaysSo) {
  EXPECT_EQ(testing::load_failure(zip_of({{"other.js", ""}})),
            "Initialization has failed due to: Zipped actions must contain either package.json or index.js "
            "at the root.");
  EXPECT_EQ(testing::load_failure(zip_of({{"package.json", R"({"main": "gone.js"})"}})),
            "Initialization has failed due to: The package's main file does not exist in the archive.");
  EXPECT_EQ(testing::load_failure("PK\3\4 broken"),
            "Initialization has failed due to: The action's code is not a zip archive.");
  const auto script = testing::load(
      zip_of({{"index.js", ""}, {"jobs/one.js", "exports.run = () => ({job: 1});"}}), "jobs/one.run");
  EXPECT_FALSE(script) << "a path is no name";
  const auto named =
      testing::load(zip_of({{"index.js", ""}, {"one.js", "exports.run = () => ({job: 1});"}}), "one.run");
  ASSERT_TRUE(named);
  EXPECT_EQ(as_text(testing::call(*named).body), R"({"job":1})");
}

}  // namespace
}  // namespace clemmys::runtime::js
