# For every interactive shell in a sandbox.
[ -n "$PS1" ] || return

shopt -s checkwinsize
HISTCONTROL=ignoreboth
PS1='\[\e[1;32m\]\u@\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\$ '

alias ls='ls --color=auto'
alias ll='ls -l'
alias la='ls -lA'
alias grep='grep --color=auto'
