#include "check/engine.h"

#include "sandbox/runtime.h"

/* --- what it has --- */

bool engine_check_runtime(struct report *r, const struct config *config,
			  const struct docker_info *info)
{
	char problem[RUNTIME_PROBLEM_BYTES];

	runtime_judge(config, info, problem, sizeof(problem));
	if (!config->use_gvisor)
		report_line(r, VERDICT_WARN, "the Engine's default runtime is used, not gVisor");
	else if (problem[0])
		report_line(r, VERDICT_FAIL,
			    "%s: correct \"runtimes\" in /etc/docker/daemon.json and restart "
			    "Docker, or set SANDBOX_GVISOR_RUNTIME",
			    problem);
	else
		report_line(r, VERDICT_OK, "runtime %s: %s%s%s", config->gvisor_runtime,
			    info->runtime_path, *info->runtime_args ? " " : "", info->runtime_args);
	return !problem[0];
}

void engine_check_version(struct report *r, const char *version, const char *platform)
{
	report_line(r, VERDICT_OK, "runtime version %s, platform %s",
		    *version ? version : "not known", *platform ? platform : "not set");
}

void engine_check_limits(struct report *r, const struct docker_info *info)
{
	const struct {
		const char *what;
		bool enforced;
	} limits[] = {{"memory", info->memory_limit},
		      {"processes", info->pids_limit},
		      {"CPU time", info->cpu_limit}};
	bool all = true;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (!limits[i].enforced)
			report_line(r, VERDICT_FAIL,
				    "the Engine cannot limit %s here: enable that control group in "
				    "the kernel and restart Docker",
				    limits[i].what);
		all = all && limits[i].enforced;
	}
	if (all)
		report_line(r, VERDICT_OK, "memory, processes and CPU time are limited");
	if (!info->swap_limit)
		report_line(r, VERDICT_WARN,
			    "the Engine cannot limit swap here: boot with swapaccount=1, or turn "
			    "swap off");
}

/* --- what a canary has seen --- */

/* Only gVisor shows its limit inside. */
static bool is_meant(const struct config *config, const struct canary_result *result,
		     enum canary_fact fact)
{
	if (fact == CANARY_ISOLATED)
		return config->use_gvisor;
	return fact != CANARY_MEMORY_LIMIT || result->seen.kind == CANARY_KIND_GVISOR;
}

static void tell_true(struct report *r, const struct canary_view *seen, enum canary_fact fact)
{
	const char *good = canary_fact_texts[fact].good;

	if (fact == CANARY_ISOLATED)
		good = seen->kind == CANARY_KIND_GVISOR ? "the kernel is gVisor's"
							: "the kernel is a virtual machine's own";
	report_line(r, VERDICT_OK, "in a sandbox %s", good);
}

static void tell_false(struct report *r, const struct config *config,
		       const struct canary_view *seen, enum canary_fact fact)
{
	const char *bad = canary_fact_texts[fact].bad;

	if (fact == CANARY_ISOLATED)
		report_line(r, VERDICT_FAIL,
			    "in a sandbox %s: %s, although its runtime is called %s. Set "
			    "SANDBOX_GVISOR_RUNTIME to the name of gVisor's runsc or of Kata "
			    "Containers in the Engine",
			    bad, seen->doubt, config->gvisor_runtime);
	else if (fact == CANARY_MEMORY_LIMIT)
		report_line(r, VERDICT_WARN,
			    "in a sandbox %s: see whether the control groups of the host are in "
			    "order (docker info)",
			    bad);
	else
		report_line(r, VERDICT_FAIL,
			    "in a sandbox %s: do not serve with this Engine. See the arguments of "
			    "its runtime, and rebuild the images (scripts/build-images)",
			    bad);
}

void engine_check_canary(struct report *r, const struct config *config,
			 const struct environment *environment, const struct canary_result *result)
{
	if (!result->reported) {
		report_line(r, VERDICT_FAIL,
			    "%s. Look at the Engine's log (journalctl -u docker); after an update, "
			    "rebuild the images (scripts/build-images)",
			    result->problem);
		return;
	}
	report_line(r, VERDICT_OK, "a sandbox of %s started and answered (%llu ms)",
		    environment->name, (unsigned long long)result->took_ms);
	for (enum canary_fact i = 0; i < CANARY_FACT_COUNT; i++)
		if (is_meant(config, result, i) && !result->seen.facts[i])
			tell_false(r, config, &result->seen, i);
		else if (is_meant(config, result, i))
			tell_true(r, &result->seen, i);
}
