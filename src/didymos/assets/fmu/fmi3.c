/* The functions of FMI 3.0 for co-simulation around one machine (machine.h). */

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "machine.h"

#if defined _WIN32
#define API __declspec(dllexport)
#else
#define API __attribute__((visibility("default")))
#endif

typedef void (*Logger)(void *, int, const char *, const char *);

static int said(Machine *m, int status, const char *text) {
    if (status != OK && m->report) ((Logger)m->report)(m->environment, status, "error", text);
    return status;
}

API const char *fmi3GetVersion(void) { return "3.0"; }
API int fmi3SetDebugLogging(void *c, bool on, size_t n, const char *const categories[]) { return OK; }

API void *fmi3InstantiateCoSimulation(const char *name, const char *token, const char *resources, bool visible, bool logging, bool events,
                                      bool early, const uint32_t wanted[], size_t n, void *environment, Logger logger, void *update) {
    if (events || n) return NULL;
    return made(name, token, (void (*)(void))logger, environment);
}
API void fmi3FreeInstance(void *c) { free(c); }
API int fmi3EnterInitializationMode(void *c, bool has_tolerance, double tolerance, double start, bool has_stop, double stop) {
    ((Machine *)c)->now.time = start;
    return OK;
}
API int fmi3ExitInitializationMode(void *c) { return OK; }
API int fmi3Terminate(void *c) { return OK; }
API int fmi3Reset(void *c) { as_new(c); return OK; }

API int fmi3GetFloat64(void *c, const uint32_t r[], size_t n, double v[], size_t m) {
    if (n != m) return said(c, FAULT, "every variable here is one number");
    for (size_t i = 0; i < n; i++) if (read_number(c, r[i], v + i) != OK) return said(c, FAULT, "no variable has this value reference");
    return OK;
}
API int fmi3SetFloat64(void *c, const uint32_t r[], size_t n, const double v[], size_t m) {
    if (n != m) return said(c, FAULT, "every variable here is one number");
    for (size_t i = 0; i < n; i++) if (write_number(c, r[i], v[i]) != OK) return said(c, FAULT, "a value that cannot be set, or no finite number");
    return OK;
}

API int fmi3GetFMUState(void *c, void **state) { return take(c, state); }
API int fmi3SetFMUState(void *c, void *state) { memcpy(&((Machine *)c)->now, state, sizeof(Numbers)); return OK; }
API int fmi3FreeFMUState(void *c, void **state) { free(*state); *state = NULL; return OK; }
API int fmi3SerializedFMUStateSize(void *c, void *state, size_t *size) { *size = SERIAL; return OK; }
API int fmi3SerializeFMUState(void *c, void *state, unsigned char to[], size_t size) { return serialise(state, to, size); }
API int fmi3DeserializeFMUState(void *c, const unsigned char from[], size_t size, void **state) {
    return said(c, deserialise(from, size, state), "the state was written by another machine");
}

API int fmi3EnterStepMode(void *c) { return OK; }
API int fmi3DoStep(void *c, double from, double dt, bool final, bool *event, bool *ends, bool *early, double *last) {
    const int status = go(c, from, dt);
    *event = *ends = *early = false;
    *last = ((Machine *)c)->now.time;
    return said(c, status, "the step has no finite result");
}

/* What FMI 3.0 knows beyond that, and this machine does not have. */
#define ABSENT(name) API int fmi3##name(void) { return FAULT; }
ABSENT(GetFloat32) ABSENT(GetInt8) ABSENT(GetUInt8) ABSENT(GetInt16) ABSENT(GetUInt16) ABSENT(GetInt32) ABSENT(GetUInt32)
ABSENT(GetInt64) ABSENT(GetUInt64) ABSENT(GetBoolean) ABSENT(GetString) ABSENT(GetBinary) ABSENT(GetClock)
ABSENT(SetFloat32) ABSENT(SetInt8) ABSENT(SetUInt8) ABSENT(SetInt16) ABSENT(SetUInt16) ABSENT(SetInt32) ABSENT(SetUInt32)
ABSENT(SetInt64) ABSENT(SetUInt64) ABSENT(SetBoolean) ABSENT(SetString) ABSENT(SetBinary) ABSENT(SetClock)
ABSENT(GetNumberOfVariableDependencies) ABSENT(GetVariableDependencies) ABSENT(GetDirectionalDerivative) ABSENT(GetAdjointDerivative)
ABSENT(EnterConfigurationMode) ABSENT(ExitConfigurationMode) ABSENT(EnterEventMode) ABSENT(GetIntervalDecimal)
ABSENT(GetIntervalFraction) ABSENT(GetShiftDecimal) ABSENT(GetShiftFraction) ABSENT(SetIntervalDecimal) ABSENT(SetIntervalFraction)
ABSENT(SetShiftDecimal) ABSENT(SetShiftFraction) ABSENT(EvaluateDiscreteStates) ABSENT(UpdateDiscreteStates)
ABSENT(EnterContinuousTimeMode) ABSENT(CompletedIntegratorStep) ABSENT(SetTime) ABSENT(SetContinuousStates)
ABSENT(GetContinuousStateDerivatives) ABSENT(GetEventIndicators) ABSENT(GetContinuousStates) ABSENT(GetNominalsOfContinuousStates)
ABSENT(GetNumberOfEventIndicators) ABSENT(GetNumberOfContinuousStates) ABSENT(GetOutputDerivatives) ABSENT(ActivateModelPartition)
API void *fmi3InstantiateModelExchange(void) { return NULL; }
API void *fmi3InstantiateScheduledExecution(void) { return NULL; }
