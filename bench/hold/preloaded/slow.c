/* A preloaded library that makes one process write to files at a rate, as a slow disk does.
 *
 * HOLD_BYTES_PER_SECOND is the rate. It covers the calls by which a broker with `disk = "threads"` writes its log. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static ssize_t paced(int file, const struct iovec *parts, int count, off_t offset) {
    const char *text = getenv("HOLD_BYTES_PER_SECOND");
    double rate = text ? strtod(text, NULL) : 0;
    ssize_t written = syscall(SYS_pwritev, file, parts, count, (long)offset, 0L);
    if (written > 0 && rate > 0) {
        double seconds = (double)written / rate;
        struct timespec pause = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
        nanosleep(&pause, NULL);
    }
    return written;
}

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    return paced(file, parts, count, offset);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t offset) {
    return paced(file, parts, count, (off_t)offset);
}
