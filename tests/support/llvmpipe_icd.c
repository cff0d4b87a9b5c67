/*
 * A Vulkan driver for tests: Mesa's llvmpipe, with four features reported that it lacks and that compute shaders do not need
 * (images and samplers chosen by a variable index). ONNX Runtime's provider webgpu refuses llvmpipe without them. Unlike
 * SwiftShader it has half precision (shader-f16), and it compiles a network's kernels in half a second instead of ten.
 *
 * `devices.ts` builds it, and has the packages that it takes. By hand, for a recipe on it:
 *
 *     gcc -shared -fPIC -O1 -o /tmp/llvmpipe_icd.so tests/support/llvmpipe_icd.c -ldl
 *     echo '{"file_format_version": "1.0.0", "ICD": {"library_path": "/tmp/llvmpipe_icd.so", "api_version": "1.3.0"}}' \
 *       > /tmp/llvmpipe_icd.json
 *     VK_ICD_FILENAMES=/tmp/llvmpipe_icd.json deno task pipeline run all --recipe tiny.yaml --engine webgpu
 */
#define VK_NO_PROTOTYPES
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <vulkan/vk_icd.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr driver;
static PFN_vkGetPhysicalDeviceFeatures features;
static PFN_vkGetPhysicalDeviceFeatures2 features2;
static PFN_vkCreateDevice create_device;

static void add(VkPhysicalDeviceFeatures *of) {
  of->shaderUniformBufferArrayDynamicIndexing = VK_TRUE;
  of->shaderSampledImageArrayDynamicIndexing = VK_TRUE;
  of->shaderStorageBufferArrayDynamicIndexing = VK_TRUE;
  of->shaderStorageImageArrayDynamicIndexing = VK_TRUE;
}

static VKAPI_ATTR void VKAPI_CALL get_features(VkPhysicalDevice device, VkPhysicalDeviceFeatures *of) {
  features(device, of);
  add(of);
}

static VKAPI_ATTR void VKAPI_CALL get_features2(VkPhysicalDevice device, VkPhysicalDeviceFeatures2 *of) {
  features2(device, of);
  add(&of->features);
}

/* What the driver itself has: it refuses to enable more. */
static void keep_real(VkPhysicalDevice device, VkPhysicalDeviceFeatures *wanted) {
  VkPhysicalDeviceFeatures real;
  features(device, &real);
  VkBool32 *of = (VkBool32 *)wanted;
  for (size_t i = 0; i < sizeof real / sizeof *of; i++) of[i] = of[i] && ((VkBool32 *)&real)[i];
}

static VKAPI_ATTR VkResult VKAPI_CALL create(
    VkPhysicalDevice device, const VkDeviceCreateInfo *info, const VkAllocationCallbacks *memory, VkDevice *made) {
  VkDeviceCreateInfo changed = *info;
  VkPhysicalDeviceFeatures enabled;
  if (info->pEnabledFeatures) {
    enabled = *info->pEnabledFeatures;
    keep_real(device, &enabled);
    changed.pEnabledFeatures = &enabled;
  }
  for (VkBaseOutStructure *next = (VkBaseOutStructure *)info->pNext; next; next = next->pNext) {
    if (next->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2) continue;
    keep_real(device, &((VkPhysicalDeviceFeatures2 *)next)->features);
  }
  return create_device(device, &changed, memory, made);
}

static int load(void) {
  if (driver) return 1;
  void *library = dlopen("libvulkan_lvp.so", RTLD_NOW);
  if (library) driver = (PFN_vkGetInstanceProcAddr)dlsym(library, "vk_icdGetInstanceProcAddr");
  if (driver) return 1;
  fprintf(stderr, "Cannot load llvmpipe: expected Mesa's libvulkan_lvp.so, found: %s\n", dlerror());
  return 0;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
  if (!load()) return NULL;
  PFN_vkVoidFunction found = driver(instance, name);
  if (!found) return found;
  if (!strcmp(name, "vkCreateDevice")) {
    create_device = (PFN_vkCreateDevice)found;
    features = (PFN_vkGetPhysicalDeviceFeatures)driver(instance, "vkGetPhysicalDeviceFeatures");
    return (PFN_vkVoidFunction)create;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceFeatures")) {
    features = (PFN_vkGetPhysicalDeviceFeatures)found;
    return (PFN_vkVoidFunction)get_features;
  }
  if (!strcmp(name, "vkGetPhysicalDeviceFeatures2") || !strcmp(name, "vkGetPhysicalDeviceFeatures2KHR")) {
    features2 = (PFN_vkGetPhysicalDeviceFeatures2)found;
    return (PFN_vkVoidFunction)get_features2;
  }
  return found;
}

VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  if (!load()) return VK_ERROR_INCOMPATIBLE_DRIVER;
  if (*version > 4) *version = 4;
  return VK_SUCCESS;
}
