/* A clock that jumps: what the wall clock says is moved by the seconds that stand in the file CLOCK_FILE, which is read
 * anew now and then. Loaded into a worker by LD_PRELOAD; clocks that only go forward stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>

static int (*own_clock)(clockid_t, struct timespec *);

static long moved_by(void) {
    static __thread unsigned calls;
    static volatile long moved;
    if (calls++ % 64 == 0) {
        const char *path = getenv("CLOCK_FILE");
        FILE *file = path ? fopen(path, "r") : NULL;
        long seconds;
        if (file && fscanf(file, "%ld", &seconds) == 1) moved = seconds;
        if (file) fclose(file);
    }
    return moved;
}

int clock_gettime(clockid_t id, struct timespec *time) {
    if (!own_clock) own_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = own_clock(id, time);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) time->tv_sec += moved_by();
    return failed;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *into) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}

/* Waits until a time that was made of the moved clock end when they would have: the system's own clock does not know of the
 * move. Times of the clock that only goes forward are small. */
static struct timespec unmoved(const struct timespec *until) {
    struct timespec own = *until;
    if (own.tv_sec > 1000000000) own.tv_sec -= moved_by();
    return own;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static int (*own)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!own) *(void **)&own = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!own) *(void **)&own = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec time = unmoved(until);
    return own(condition, mutex, &time);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until) {
    static int (*own)(cnd_t *, mtx_t *, const struct timespec *);
    if (!own) *(void **)&own = dlsym(RTLD_NEXT, "cnd_timedwait");
    struct timespec time = unmoved(until);
    return own(condition, mutex, &time);
}

int timespec_get(struct timespec *time, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}
