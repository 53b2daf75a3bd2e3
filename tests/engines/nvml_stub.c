/* Plays the NVIDIA driver's libnvidia-ml.so.1 with eight H100s. What GPU i holds in MiB is the
   number in the file $NVML_STUB/i; a GPU without a file has fallen off the bus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, INVALID = 2, NOT_FOUND = 6, LOST = 15, GPUS = 8 };
typedef struct { unsigned long long total, free, used; } Memory;

static long used_mib(size_t gpu) {
    char path[4096];
    long mib = -1;
    snprintf(path, sizeof path, "%s/%zu", getenv("NVML_STUB"), gpu - 1);
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%ld", &mib) != 1) mib = 0;
        fclose(file);
    }
    return mib;
}

int nvmlInitWithFlags(unsigned flags) { (void)flags; return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = GPUS; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, size_t *gpu) { *gpu = index + 1; return OK; }
int nvmlDeviceGetMinorNumber(size_t gpu, unsigned *minor) { *minor = gpu - 1; return OK; }
int nvmlDeviceGetName(size_t gpu, char *name, unsigned size) {
    (void)gpu;
    snprintf(name, size, "NVIDIA H100 80GB HBM3");
    return OK;
}
int nvmlDeviceGetUUID(size_t gpu, char *uuid, unsigned size) {
    snprintf(uuid, size, "GPU-00000000-0000-0000-0000-%012zu", gpu - 1);
    return OK;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, size_t *gpu) {
    if (strlen(uuid) != 40) return INVALID;
    *gpu = atol(uuid + 28) + 1;
    return *gpu <= GPUS ? OK : NOT_FOUND;
}
int nvmlDeviceGetMemoryInfo(size_t gpu, Memory *memory) {
    long used = used_mib(gpu);
    if (used < 0) return LOST;
    memory->total = 81559ULL << 20;
    memory->used = (unsigned long long)used << 20;
    memory->free = memory->total - memory->used;
    return OK;
}
