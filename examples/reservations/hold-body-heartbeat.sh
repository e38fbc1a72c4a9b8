# sactui reservations book dev-pool --host spartan --hold-body hold-body-heartbeat.sh
#
# Replaces the waiting at the end of the job: the reservation lasts until this ends. It runs in
# the background of the batch script, so that a persistent reservation still hears its signal.

log="$HOME/.sactui/logs/$SLURM_JOB_ID.heartbeat"
while :; do
  printf '%s %s\n' "$(date +%FT%T)" "$(cut -d' ' -f1 /proc/loadavg)" >>"$log"
  sleep 300
done
