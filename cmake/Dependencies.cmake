# Every third-party library, all from Debian 12 (the list of packages is in ./dev). Static archives go into enclaves;
# the untrusted side uses the same ones, so that one build tests both.

include_guard()
find_package(Threads REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)

function(_clemmys_static name archive)
  find_library(${name}_ARCHIVE ${archive} REQUIRED)
  add_library(dep_${name} INTERFACE)
  target_link_libraries(dep_${name} INTERFACE ${${name}_ARCHIVE} ${ARGN})
endfunction()

_clemmys_static(sodium libsodium.a)
_clemmys_static(nettle libnettle.a)
_clemmys_static(crypto libcrypto.a Threads::Threads ${CMAKE_DL_LIBS})
_clemmys_static(ssl libssl.a dep_crypto)
_clemmys_static(json libboost_json.a)
_clemmys_static(url libboost_url.a)
_clemmys_static(yaml libyaml-cpp.a)
_clemmys_static(zlib libz.a)
_clemmys_static(minizip libminizip.a dep_zlib)
_clemmys_static(wabt libwabt.a dep_crypto)
_clemmys_static(turbojpeg libturbojpeg.a)
_clemmys_static(png libpng16.a dep_zlib)
_clemmys_static(sqlite libsqlite3.a Threads::Threads ${CMAKE_DL_LIBS})

# Boost.Asio and Boost.Beast are headers only; the error categories of Boost.System are, too.
add_library(dep_asio INTERFACE)
target_compile_definitions(dep_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(dep_asio INTERFACE Threads::Threads)

# wasm2c's own header; its runtime is ours (src/runtime/wasm).
find_path(WASM_RT_INCLUDE wasm-rt.h PATHS /usr/include /usr/share/wabt/wasm2c REQUIRED)
