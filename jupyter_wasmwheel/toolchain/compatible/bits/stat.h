/* struct stat as it is since Emscripten 3.1.42 (build.rs of the crate libc), without the padding of
   older ones. sys/stat.h includes this file, and has declared the types. */

struct stat {
  dev_t st_dev;
  mode_t st_mode;
  nlink_t st_nlink;
  uid_t st_uid;
  gid_t st_gid;
  dev_t st_rdev;
  off_t st_size;
  blksize_t st_blksize;
  blkcnt_t st_blocks;
  struct timespec st_atim;
  struct timespec st_mtim;
  struct timespec st_ctim;
  ino_t st_ino;
};
