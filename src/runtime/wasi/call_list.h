/* call_list.h: the functions of wasi_snapshot_preview1 (WASI's preview 1, its document docs.md) with their
 * parameters' types. All give u32, an errno; proc_exit alone gives nothing. What a module imports must be
 * here, with these very types (src/cli/wasm_module.cc). C and C++. */
#ifndef CLEMMYS_RUNTIME_WASI_CALL_LIST_H
#define CLEMMYS_RUNTIME_WASI_CALL_LIST_H

/* What works, as calls.h says. */
#define CLEMMYS_WASI_CALLS(CALL)           \
  CALL(args_get, u32, u32)                 \
  CALL(args_sizes_get, u32, u32)           \
  CALL(environ_get, u32, u32)              \
  CALL(environ_sizes_get, u32, u32)        \
  CALL(clock_res_get, u32, u32)            \
  CALL(clock_time_get, u32, u64, u32)      \
  CALL(random_get, u32, u32)               \
  CALL(fd_close, u32)                      \
  CALL(fd_fdstat_get, u32, u32)            \
  CALL(fd_prestat_get, u32, u32)           \
  CALL(fd_prestat_dir_name, u32, u32, u32) \
  CALL(fd_read, u32, u32, u32, u32)        \
  CALL(fd_seek, u32, u64, u32, u32)        \
  CALL(fd_write, u32, u32, u32, u32)       \
  CALL(poll_oneoff, u32, u32, u32, u32)    \
  CALL(sched_yield)

/* What every module gets ENOSYS for: files, sockets, signals. */
#define CLEMMYS_WASI_CALLS_MISSING(CALL)                           \
  CALL(fd_advise, u32, u64, u64, u32)                              \
  CALL(fd_allocate, u32, u64, u64)                                 \
  CALL(fd_datasync, u32)                                           \
  CALL(fd_fdstat_set_flags, u32, u32)                              \
  CALL(fd_fdstat_set_rights, u32, u64, u64)                        \
  CALL(fd_filestat_get, u32, u32)                                  \
  CALL(fd_filestat_set_size, u32, u64)                             \
  CALL(fd_filestat_set_times, u32, u64, u64, u32)                  \
  CALL(fd_pread, u32, u32, u32, u64, u32)                          \
  CALL(fd_pwrite, u32, u32, u32, u64, u32)                         \
  CALL(fd_readdir, u32, u32, u32, u64, u32)                        \
  CALL(fd_renumber, u32, u32)                                      \
  CALL(fd_sync, u32)                                               \
  CALL(fd_tell, u32, u32)                                          \
  CALL(path_create_directory, u32, u32, u32)                       \
  CALL(path_filestat_get, u32, u32, u32, u32, u32)                 \
  CALL(path_filestat_set_times, u32, u32, u32, u32, u64, u64, u32) \
  CALL(path_link, u32, u32, u32, u32, u32, u32, u32)               \
  CALL(path_open, u32, u32, u32, u32, u32, u64, u64, u32, u32)     \
  CALL(path_readlink, u32, u32, u32, u32, u32, u32)                \
  CALL(path_remove_directory, u32, u32, u32)                       \
  CALL(path_rename, u32, u32, u32, u32, u32, u32)                  \
  CALL(path_symlink, u32, u32, u32, u32, u32)                      \
  CALL(path_unlink_file, u32, u32, u32)                            \
  CALL(proc_raise, u32)                                            \
  CALL(sock_accept, u32, u32, u32)                                 \
  CALL(sock_recv, u32, u32, u32, u32, u32, u32)                    \
  CALL(sock_send, u32, u32, u32, u32, u32)                         \
  CALL(sock_shutdown, u32, u32)

#endif
