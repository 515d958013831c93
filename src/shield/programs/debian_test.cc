// Programs as Debian ships them, byte for byte: dynamically linked ones with their loader and libraries in
// the image, and one that is static. Output and status must be those of the same file run as an ordinary
// process. The images are debug images: a system call that the shield does not know would show in the output.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shield/programs/harness.h"

namespace clemmys::shield {
namespace {

struct Case {
  const char* name;     // of the test
  const char* program;  // path of the file
  const char* arguments;
};

// replaced puts `to` wherever `from` is.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string image_of(const std::string& program) {
  return "debian_" + program.substr(program.rfind('/') + 1);
}

class Debian : public Programs, public testing::WithParamInterface<Case> {
 protected:
  Debian() {
    std::string words, numbers;
    unsigned seed = 7;
    for (int i = 0; i < 20000; ++i) {
      seed = seed * 1664525 + 1013904223;
      words += "word" + std::to_string(seed >> 18) + (i % 7 == 0 ? " alpha\n" : " beta gamma\n");
      numbers += std::to_string(seed >> 12) + "\n";
    }
    write_file("words", words);
    write_file("numbers", numbers);
    write_file("data.json", R"({"a":[1,2,{"b":"ü"}],"c":null,"d":1.5e3})");
    write_file("sum.bc", "scale=30\ns(1)+e(1)\n2^200\nquit\n");
    write_file("script.tcl",
               "set l [lsort -integer {5 3 9}]\nputs \"$l [expr {sqrt(2)}]\"\nset f [open [lindex "
               "[glob [lindex $argv 0]/wor*] 0]]\nputs [string length [read $f]]\ndict set d a 1\nputs $d\n");
    write_file("data.xml", "<r><i n='1'>one</i><i n='2'>two</i><!-- c --></r>");
  }
  Outcome debian_outside(const Case& it) const {
    const std::string arguments = replaced(it.arguments, "/state", directory_ + "/outside");
    Outcome outcome = run(std::string(it.program) + " " + arguments + " </dev/null", "HOME=/");
    outcome.output = replaced(outcome.output, directory_ + "/outside", "/state");
    return outcome;
  }
  Outcome debian_inside(const Case& it) const {
    return run(host_command(image_of(it.program)) + " " + it.arguments + " </dev/null");
  }
};

TEST_P(Debian, RunsInsideAsOutside) {
  const Outcome expected = debian_outside(GetParam());
  EXPECT_NE(expected.output, "");
  EXPECT_EQ(debian_inside(GetParam()), expected);
}

constexpr char kShell[] =
    R"(-c 'f() { local -a a=(3 1 2); printf "%s-%d\n" "${a[@]}" 4; }; f; declare -A m=([x]=1 [y]=2); echo ${m[y]} $((7**5));
 [[ abc123 =~ ([0-9]+) ]] && echo ${BASH_REMATCH[1]}; cd /state && pwd; while read -r w r; do n=$((n+1)); done < words; echo $n; exit 5')";
constexpr char kPerl[] =
    R"(-e 'open(F,"<","/state/words") or die; while(<F>){ $c{$1}++ if /^(\w+) (?=alpha)/ } my @k=sort {$c{$b}<=>$c{$a}||$a cmp $b} keys %c;
 print "$_ $c{$_}\n" for @k[0..9]; printf "%s %.6f %s\n", unpack("H*",pack("N",77)), atan2(1,1)*4, join ",",map {$_**2} grep {$_&1} 1..9; exit 3')";
constexpr char kLua[] =
    R"(-e 'local t={} for i=1,20000 do t[i]=(i*7919)%10007 end table.sort(t) local co=coroutine.wrap(function() for i=1,3 do coroutine.yield(t[i*1000]) end end)
 print(co(),co(),co(),("%q"):format("a\nb"),#t,string.gsub("hello world","o","0")) print(pcall(error,"x")) for l in io.lines("/state/numbers") do s=(s or 0)+tonumber(l) end print(s)')";
constexpr char kSql[] =
    R"(/state/db "create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i+1 from n where i<5000)
 insert into t select i, hex(i*i) from n; create index x on t(b); select count(*), sum(length(b)) from t; select b from t where b like '3%' order by b desc limit 3;
 select json_extract('{\"a\":[1,2]}','\$.a[1]'); create virtual table f using fts5(d); insert into f values('quick brown fox'); select d from f where f match 'brown'; pragma integrity_check;")";

INSTANTIATE_TEST_SUITE_P(
    Programs, Debian,
    testing::Values(
        Case{"Bash", "/bin/bash", kShell}, Case{"Perl", "/usr/bin/perl", kPerl},
        Case{"Lua", "/usr/bin/lua5.4", kLua}, Case{"Sqlite", "/usr/bin/sqlite3", kSql},
        Case{"Jq", "/usr/bin/jq",
             "-S '[.a[2].b, (.a|length), .d, (.c//\"none\")] | tojson, map(type)' /state/data.json"},
        Case{"OpensslDigest", "/usr/bin/openssl", "dgst -sha3-256 /state/words"},
        Case{"OpensslEncrypt", "/usr/bin/openssl",
             "enc -aes-256-cbc -pbkdf2 -S 0001020304050607 -pass pass:x -a -in /state/data.json"},
        Case{"OpensslPrime", "/usr/bin/openssl", "prime 170141183460469231731687303715884105727"},
        Case{"Sort", "/usr/bin/sort", "-n --parallel=4 /state/numbers"},
        Case{"Sha256sum", "/usr/bin/sha256sum", "/state/words /state/none"},
        Case{"Factor", "/usr/bin/factor", "18446744073709551557 1000000016000000063"},
        Case{"Date", "/usr/bin/date", "-u -d @1700000000 +%c"},
        Case{"Sed", "/usr/bin/sed", "-E '5q;s/word([0-9]+)/<\\1>/' /state/words"},
        Case{"SedInPlace", "/usr/bin/sed", "-i.old -e s/one/eins/w/dev/stdout /state/data.xml"},
        Case{"Grep", "/usr/bin/grep", "-c -P '^word(\\d)\\1' /state/words"},
        Case{"Mawk", "/usr/bin/mawk",
             "'{c[$2]++; s+=length} END {print c[\"alpha\"], c[\"beta\"], s, sqrt(2), "
             "substr(\"enclave\",3)}' /state/words"},
        Case{"Bc", "/usr/bin/bc", "-l -q /state/sum.bc"},
        Case{"Diff", "/usr/bin/diff", "-u /state/data.json /state/data.xml"},
        Case{"Tar", "/usr/bin/tar", "-cvf /state/all.tar -C /state --mtime=@0 words numbers"},
        Case{"Gzip", "/usr/bin/gzip", "-9 -n -c /state/words"},
        Case{"Bzip2", "/usr/bin/bzip2", "-k -c /state/words"},
        Case{"Xz", "/usr/bin/xz", "-T1 -3 -k -c /state/words"},
        Case{"Zstd", "/usr/bin/zstd", "-T4 -19 -q -c /state/words"},
        Case{"Xmllint", "/usr/bin/xmllint", "--xpath 'sum(//i/@n)' /state/data.xml"},
        Case{"Tclsh", "/usr/bin/tclsh8.6", "/state/script.tcl /state"},
        Case{"BusyboxSh", "/bin/busybox",
             "ash -c 'x=3; while [ $x -gt 0 ]; do echo $x; x=$((x-1)); done; read a </state/words; echo $a; "
             "exit 9'"},
        Case{"BusyboxAwk", "/bin/busybox",
             "awk 'BEGIN{for(i=0;i<5;i++) printf \"%d \", i*i; print toupper(\"x\")}'"},
        Case{"BusyboxMd5", "/bin/busybox", "md5sum /state/words"},
        Case{"BusyboxLs", "/bin/busybox", "ls /state"},
        Case{"BusyboxTar", "/bin/busybox", "tar -cvf /state/b.tar -C /state words"},
        Case{"BusyboxDd", "/bin/busybox", "dd if=/dev/zero bs=1000 count=3 status=none"},
        Case{"BusyboxSha512", "/bin/busybox", "sha512sum /state/numbers"},
        Case{"LdconfigStatic", "/sbin/ldconfig", "--version"}),
    [](const testing::TestParamInfo<Case>& it) { return std::string(it.param.name); });

}  // namespace
}  // namespace clemmys::shield
