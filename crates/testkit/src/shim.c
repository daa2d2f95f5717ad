/* Stands between a program and the C library (LD_PRELOAD) and lets disks and clocks fail as the control file says:
   three 64-bit numbers, the error of writes, the error of syncs, and the seconds to add to the wall clock. Files are
   meant whose path holds TRUNKLINE_SHIM_FILES. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITES, SYNCS, CLOCK, RULES };
static volatile int64_t none[RULES];
static volatile int64_t *rules = none;
static const char *files = "";

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  const char *control = getenv("TRUNKLINE_SHIM_CONTROL");
  if (getenv("TRUNKLINE_SHIM_FILES")) files = getenv("TRUNKLINE_SHIM_FILES");
  int fd = control ? open(control, O_RDONLY) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) rules = mapped;
}

static int fails(int rule, int fd) {
  int error = (int)rules[rule];
  if (!error) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (!strstr(path, files)) return 0;
  errno = error;
  return 1;
}

#define INSTEAD(rule, type, name, parameters, arguments) \
  type name parameters { return fails(rule, fd) ? -1 : REAL(name) arguments; }

INSTEAD(WRITES, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
INSTEAD(WRITES, ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count))
INSTEAD(WRITES, ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
INSTEAD(WRITES, ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
INSTEAD(WRITES, int, ftruncate, (int fd, off_t size), (fd, size))
INSTEAD(WRITES, int, ftruncate64, (int fd, off64_t size), (fd, size))
INSTEAD(SYNCS, int, fsync, (int fd), (fd))
INSTEAD(SYNCS, int, fdatasync, (int fd), (fd))

int clock_gettime(clockid_t id, struct timespec *now) {
  static __typeof__(&clock_gettime) next;
  if (!next) next = REAL(clock_gettime);
  int done = next(id, now);
  if (!done && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += rules[CLOCK];
  return done;
}
