// The driver's calls that engine/cuda makes, on a processor: memory is the host's, and a launch runs the kernel that g++ compiled.
//
// The environment plays what goes wrong: SHIM_DEVICES=0, SHIM_VERSION=11040, SHIM_CAPABILITY=75, SHIM_FREE=bytes of free memory,
// SHIM_LOST=kernel at whose launch the card is lost, after SHIM_LOST_AFTER launches of it.
#include <map>
#include <set>
#include <string>

#include "threads.h"

namespace {

enum Result {
  success = 0,
  invalid_value = 1,
  out_of_memory = 2,
  not_initialized = 3,
  no_device = 100,
  invalid_image = 200,
  invalid_context = 201,
  not_found = 500,
  not_ready = 600,
  illegal_address = 700,
  launch_failed = 719,
};

const std::map<int, const char*> names = {
    {success, "CUDA_SUCCESS"},
    {invalid_value, "CUDA_ERROR_INVALID_VALUE"},
    {out_of_memory, "CUDA_ERROR_OUT_OF_MEMORY"},
    {not_initialized, "CUDA_ERROR_NOT_INITIALIZED"},
    {no_device, "CUDA_ERROR_NO_DEVICE"},
    {invalid_image, "CUDA_ERROR_INVALID_IMAGE"},
    {invalid_context, "CUDA_ERROR_INVALID_CONTEXT"},
    {not_found, "CUDA_ERROR_NOT_FOUND"},
    {not_ready, "CUDA_ERROR_NOT_READY"},
    {illegal_address, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {launch_failed, "CUDA_ERROR_LAUNCH_FAILED"},
};

struct Function {
  const ShimKernel* kernel;
  bool waits; // whether its PTX text has barriers or shuffles
};

thread_local bool has_context = false; // as on a card: a context is current in one thread
bool is_lost = false, has_work = false;
std::map<uint64_t, size_t> allocations;
size_t allocated = 0, launches_before_loss = 0;

size_t number(const char* name, size_t otherwise) {
  const char* text = getenv(name);
  return text == nullptr ? otherwise : strtoull(text, nullptr, 10);
}

constexpr size_t total_memory = size_t(4) << 30;

size_t free_memory() { return number("SHIM_FREE", total_memory - allocated); }

int ready() {
  if (is_lost) return illegal_address;
  return has_context ? success : invalid_context;
}

// Whether bytes lie in one allocation.
bool holds(uint64_t address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin()) return false;
  const auto& [start, size] = *--next;
  return address - start <= size && bytes <= size - (address - start);
}

int copy(void* to, const void* from, size_t bytes, uint64_t onCard) {
  if (int code = ready()) return code;
  if (!holds(onCard, bytes)) return invalid_value;
  memcpy(to, from, bytes);
  return success;
}

} // namespace

extern "C" {

// Begins as a new process does.
int cuInit(unsigned) {
  is_lost = has_work = false;
  launches_before_loss = number("SHIM_LOST_AFTER", 0);
  return success;
}

int cuDriverGetVersion(int* version) {
  *version = number("SHIM_VERSION", 12040);
  return success;
}

int cuDeviceGet(int* device, int ordinal) {
  if (ordinal >= int(number("SHIM_DEVICES", 1))) return no_device;
  *device = ordinal;
  return success;
}

int cuDeviceGetName(char* name, int length, int) {
  snprintf(name, length, "Shim (the processor plays the card)");
  return success;
}

int cuDeviceGetAttribute(int* value, int attribute, int) {
  const int capability = number("SHIM_CAPABILITY", 80);
  if (attribute == 75) *value = capability / 10;
  else if (attribute == 76) *value = capability % 10;
  else if (attribute == 16) *value = 1; // multiprocessors
  else return invalid_value;
  return success;
}

int cuDeviceTotalMem_v2(size_t* bytes, int) {
  *bytes = total_memory;
  return success;
}

int cuDevicePrimaryCtxRetain(uint64_t* context, int) {
  *context = 1;
  return success;
}

int cuDevicePrimaryCtxRelease_v2(int) { return success; }

int cuCtxSetCurrent(uint64_t context) {
  has_context = context == 1;
  return success;
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
  if (int code = ready()) return code;
  *total = total_memory;
  *free = free_memory();
  return success;
}

int cuModuleLoadDataEx(uint64_t* module, const char* image, unsigned, void*, void*) {
  if (int code = ready()) return code;
  if (strstr(image, ".version 8.0") == nullptr) return invalid_image; // what a driver 525 takes
  auto* functions = new std::map<std::string, Function>();
  const std::string text = image;
  const std::string mark = ".visible .entry ";
  for (size_t at = text.find(mark); at != std::string::npos;) {
    const size_t name_at = at + mark.size(), next = text.find(mark, name_at);
    const std::string name = text.substr(name_at, text.find('(', name_at) - name_at);
    const std::string body = text.substr(name_at, next == std::string::npos ? next : next - name_at);
    const bool waits = body.find("bar.sync") != std::string::npos || body.find("shfl.sync") != std::string::npos;
    const ShimKernel* found = std::find_if(shim_kernels, shim_kernels + shim_kernel_count,
                                           [&](const ShimKernel& kernel) { return name == kernel.name; });
    if (found == shim_kernels + shim_kernel_count) return not_found;
    (*functions)[name] = {found, waits};
    at = next;
  }
  *module = reinterpret_cast<uint64_t>(functions);
  return success;
}

int cuModuleGetFunction(uint64_t* function, uint64_t module, const char* name) {
  auto& functions = *reinterpret_cast<std::map<std::string, Function>*>(module);
  const auto found = functions.find(name);
  if (found == functions.end()) return not_found;
  *function = reinterpret_cast<uint64_t>(&found->second);
  return success;
}

int cuMemAlloc_v2(uint64_t* address, size_t bytes) {
  if (int code = ready()) return code;
  if (bytes == 0) return invalid_value;
  if (bytes > free_memory()) return out_of_memory;
  void* memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (memory == nullptr) return out_of_memory;
  memset(memory, 0xff, bytes); // NaN
  *address = reinterpret_cast<uint64_t>(memory);
  allocations[*address] = bytes;
  allocated += bytes;
  return success;
}

int cuMemFree_v2(uint64_t address) {
  const auto found = allocations.find(address);
  if (found == allocations.end()) return invalid_value;
  allocated -= found->second;
  allocations.erase(found);
  free(reinterpret_cast<void*>(address));
  return success;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, uint64_t) {
  return copy(reinterpret_cast<void*>(to), from, bytes, to);
}

int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, uint64_t) {
  return copy(to, reinterpret_cast<void*>(from), bytes, from);
}

int cuMemsetD32Async(uint64_t to, unsigned word, size_t count, uint64_t) {
  if (int code = ready()) return code;
  if (!holds(to, 4 * count)) return invalid_value;
  std::fill_n(reinterpret_cast<unsigned*>(to), count, word);
  return success;
}

int cuStreamCreate(uint64_t* stream, unsigned) {
  if (int code = ready()) return code;
  *stream = 1;
  return success;
}

// Once after each launch the answer is that the card is at work, so that callers wait.
int cuStreamQuery(uint64_t) {
  if (int code = ready()) return code;
  return std::exchange(has_work, false) ? not_ready : success;
}

int cuStreamSynchronize(uint64_t) {
  has_work = false;
  return ready();
}

int cuLaunchKernel(uint64_t function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned, uint64_t, void** arguments, void**) {
  if (int code = ready()) return code;
  const bool fits = gridX > 0 && gridY > 0 && gridZ > 0 && gridX < 1u << 31 && gridY < 1u << 16 && gridZ < 1u << 16;
  if (!fits || blockY != 1 || blockZ != 1) return invalid_value;
  const auto& [kernel, waits] = *reinterpret_cast<const Function*>(function);
  const char* lost = getenv("SHIM_LOST");
  const bool is_named = lost != nullptr && strcmp(lost, kernel->name) == 0;
  if (is_named && launches_before_loss > 0) launches_before_loss--;
  else if (is_named) { // said late, as on a card
    is_lost = true;
    return success;
  }
  has_work = true;
  return shim::run(kernel->call, arguments, {gridX, gridY, gridZ}, blockX, waits) ? success : launch_failed;
}

int cuGetErrorName(int code, const char** name) {
  const auto found = names.find(code);
  if (found == names.end()) return invalid_value;
  *name = found->second;
  return success;
}

} // extern "C"
