# sactui reservations book dev-pool --host spartan --setup setup-modules.sh
#
# Runs first in the job, before its tmux server starts. What it sets in PATH,
# LD_LIBRARY_PATH, MODULEPATH and VIRTUAL_ENV also holds in the steps that look into the job.
# Secrets do not belong here: give them to an agent in its definition's env.

module load tmux nodejs
export https_proxy=http://proxy.example.org:3128

. "$HOME/venvs/agents/bin/activate"
