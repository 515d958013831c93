# Targets know their trust: `shared` code runs on both sides, `trusted` code only inside enclaves, `untrusted` code only
# outside. clemmys_check_trust(), called last, stops the configure step when a target depends on the wrong side.

include_guard()

add_compile_options(-O2 -g1 -Wall -Wextra -Wconversion -Wno-sign-conversion -Wshadow -Wno-missing-field-initializers
                    -fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -fmacro-prefix-map=${CMAKE_SOURCE_DIR}=.)
if(CLEMMYS_WERROR)
  add_compile_options(-Werror)
endif()
add_link_options(-fuse-ld=lld -Wl,--gc-sections -Wl,--build-id=none)
if(CLEMMYS_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=address,undefined)
endif()
include_directories(${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
set_property(GLOBAL PROPERTY CLEMMYS_TARGETS "")

function(_clemmys_register target trust)
  if(NOT trust MATCHES "^(shared|trusted|untrusted)$")
    message(FATAL_ERROR "${target}: TRUST must be shared, trusted or untrusted, not '${trust}'")
  endif()
  set_target_properties(${target} PROPERTIES CLEMMYS_TRUST ${trust})
  set_property(GLOBAL APPEND PROPERTY CLEMMYS_TARGETS ${target})
endfunction()

# clemmys_library(name TRUST shared SOURCES a.cc … [PUBLIC deps …] [PRIVATE deps …]): a static library.
function(clemmys_library name)
  cmake_parse_arguments(A "" "TRUST" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${A_SOURCES})
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  target_link_libraries(${name} PUBLIC ${A_PUBLIC} PRIVATE ${A_PRIVATE})
  _clemmys_register(${name} ${A_TRUST})
endfunction()

# clemmys_program(name TRUST untrusted SOURCES … LINK …): an ordinary program, put into build/…/bin.
function(clemmys_program name)
  cmake_parse_arguments(A "" "TRUST" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  _clemmys_register(${name} ${A_TRUST})
endfunction()

# clemmys_static_program(name SOURCES … LINK …): a static-PIE program that can be packed into an enclave. It runs as an
# ordinary process, too.
function(clemmys_static_program name)
  cmake_parse_arguments(A "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  target_link_libraries(${name} PRIVATE ${A_LINK})
  target_link_options(${name} PRIVATE -static-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,separate-code)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  _clemmys_register(${name} trusted)
endfunction()

# clemmys_enclave(name PROGRAM static-program-or-path MANIFEST file [FILES files of the manifest] [SHIELD target]): packs it into
# build/…/images/name.sgx.
function(clemmys_enclave name)
  cmake_parse_arguments(A "" "PROGRAM;MANIFEST;SHIELD" "FILES" ${ARGN})
  set(shield shield_image)
  if(A_SHIELD)
    set(shield ${A_SHIELD})
  endif()
  set(file ${A_PROGRAM})
  if(TARGET ${A_PROGRAM})
    set(file $<TARGET_FILE:${A_PROGRAM}>)
  endif()
  set(image ${CMAKE_BINARY_DIR}/images/${name}.sgx)
  add_custom_command(OUTPUT ${image}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/images
    COMMAND clemmys-pack --program ${file} --manifest ${A_MANIFEST} --output ${image} --key ${CMAKE_BINARY_DIR}/signing-key.pem
      --shield $<TARGET_FILE:${shield}>
    DEPENDS ${A_PROGRAM} ${A_MANIFEST} ${A_FILES} clemmys-pack ${shield} COMMENT "Packing enclave ${name}" VERBATIM)
  add_custom_target(${name}_image ALL DEPENDS ${image})
  set_target_properties(${name}_image PROPERTIES CLEMMYS_IMAGE ${image})
endfunction()

# clemmys_wasm_enclave(name module.wasm): build/…/images/name.sgx, by `clemmys build`.
function(clemmys_wasm_enclave name module)
  set(image ${CMAKE_BINARY_DIR}/images/${name}.sgx)
  add_custom_command(OUTPUT ${image} COMMAND clemmys build ${module} -o ${image}
    DEPENDS ${module} clemmys clemmys-pack shield_image runtime_wasi_main ${CMAKE_BINARY_DIR}/sdk/flags.json ${CMAKE_SOURCE_DIR}/sdk/manifest.yaml
    COMMENT "Building enclave ${name} of a WebAssembly module" VERBATIM)
  add_custom_target(${name}_image ALL DEPENDS ${image})
endfunction()

# clemmys_translated(target): C that wasm2c made: no warnings of ours, checks as src/runtime/wasm/translated.h says. Nothing is
# thrown through it and traps need no unwind tables. Whoever made the module has inlined and unrolled already: doing it again
# costs a quarter of a megabyte of measured code.
set(CLEMMYS_TRANSLATED_OPTIONS -g0 -O2 -finline-hint-functions -fno-unroll-loops -fno-vectorize -fno-slp-vectorize -ffunction-sections -fdata-sections
  -fno-stack-protector -fno-asynchronous-unwind-tables -fno-strict-aliasing -fwrapv -fno-math-errno)
function(clemmys_translated target)
  target_compile_options(${target} PRIVATE -w ${CLEMMYS_TRANSLATED_OPTIONS}
    -include ${CMAKE_SOURCE_DIR}/src/runtime/wasm/translated.h)
  target_include_directories(${target} PRIVATE ${WASM_RT_INCLUDE})
  _clemmys_register(${target} trusted)
endfunction()

# clemmys_module_library(target module.wat name EDIT sed-expression… [SOURCES a.c …]): the text of a module, translated under this
# name, with these edits to its C. Whoever links it includes "translated/name.h".
function(clemmys_module_library target module name)
  cmake_parse_arguments(A "" "" "EDIT;SOURCES" ${ARGN})
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/translated)
  list(TRANSFORM A_EDIT PREPEND "-e;" OUTPUT_VARIABLE edits)
  add_custom_command(OUTPUT ${folder}/${name}.c ${folder}/${name}.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${WAT2WASM} ${CMAKE_CURRENT_SOURCE_DIR}/${module} -o ${folder}/${name}.wasm
    COMMAND ${WASM2C} ${folder}/${name}.wasm -n ${name} -o ${folder}/${name}.c
    COMMAND sed -i ${edits} ${folder}/${name}.c
    DEPENDS ${module} COMMENT "Translating ${module} of ${target}" VERBATIM)
  add_library(${target} STATIC ${folder}/${name}.c ${A_SOURCES})
  clemmys_translated(${target})
  target_include_directories(${target} PRIVATE ${folder} INTERFACE ${CMAKE_CURRENT_BINARY_DIR})
endfunction()

# clemmys_test(name SOURCES … LINK … [TRUST t] [FULL] [UNDER target arguments…]): a GoogleTest program and a ctest entry; FULL keeps it
# out of the fast suite; UNDER names the program (and its arguments) that starts it.
function(clemmys_test name)
  cmake_parse_arguments(A "FULL" "TIMEOUT" "SOURCES;LINK;ARGS;UNDER" ${ARGN})
  if(CLEMMYS_FUZZ)
    add_custom_target(${name})  # for add_dependencies
    return()
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LINK} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE CLEMMYS_BINARY_DIR="${CMAKE_BINARY_DIR}" CLEMMYS_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  if(A_UNDER)
    list(POP_FRONT A_UNDER under)
    add_dependencies(${name} ${under})
    add_test(NAME ${name} COMMAND ${under} ${A_UNDER} $<TARGET_FILE:${name}> ${A_ARGS})
  else()
    add_test(NAME ${name} COMMAND ${name} ${A_ARGS})
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS $<IF:$<BOOL:${A_FULL}>,full,fast>)
endfunction()

function(clemmys_check_trust)
  get_property(targets GLOBAL PROPERTY CLEMMYS_TARGETS)
  foreach(target IN LISTS targets)
    get_target_property(trust ${target} CLEMMYS_TRUST)
    get_target_property(links ${target} LINK_LIBRARIES)
    foreach(link IN LISTS links)
      if(NOT TARGET ${link})
        continue()
      endif()
      get_target_property(other ${link} CLEMMYS_TRUST)
      if(other AND NOT other STREQUAL "shared" AND NOT other STREQUAL trust)
        message(FATAL_ERROR "${target} is ${trust} but depends on ${link}, which is ${other}")
      endif()
    endforeach()
  endforeach()
endfunction()
