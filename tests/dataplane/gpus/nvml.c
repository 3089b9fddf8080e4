/* A driver's management library with one card; a second one has fallen off its bus. What NVIDIA's nvml.h declares, as
   far as the gateway asks. */

#include <stdint.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, GPU_IS_LOST = 15 };

struct memory {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

struct utilization {
    unsigned gpu, memory;
};

int nvmlInit_v2(void) { return SUCCESS; }

int nvmlShutdown(void) { return SUCCESS; }

int nvmlDeviceGetCount_v2(unsigned *count) {
    *count = 2;
    return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    *device = (void *)(uintptr_t)(index + 1);
    return index == 0 ? SUCCESS : GPU_IS_LOST;
}

int nvmlDeviceGetMemoryInfo_v2(void *device, struct memory *memory) {
    memory->total = 25318916096ull;
    memory->used = 1000000000ull;
    memory->reserved = 0;
    memory->free = memory->total - memory->used;
    return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *device, struct utilization *rates) {
    rates->gpu = 87;
    rates->memory = 40;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *celsius) {
    *celsius = 66;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { return NOT_SUPPORTED; }
