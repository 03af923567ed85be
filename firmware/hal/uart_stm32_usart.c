/* USART of the STM32F1, F2, F4 and L1: registers SR, DR, BRR, CR1 (RM0390 chapter 25.6). Twin of
 * boards/uarts/stm32_usart.py. */
#include "board.h"
#include "cortex_m.h"
#include "uart.h"

#define USART_SR REGISTER(BOARD_UART_BASE + 0x00) /* 25.6.1 */
#define USART_DR REGISTER(BOARD_UART_BASE + 0x04)
#define USART_BRR REGISTER(BOARD_UART_BASE + 0x08)
#define USART_CR1 REGISTER(BOARD_UART_BASE + 0x0C)

#define SR_ORE BIT(3)
#define SR_RXNE BIT(5)
#define SR_TXE BIT(7)
#define CR1_RE BIT(2)
#define CR1_TE BIT(3)
#define CR1_RXNEIE BIT(5) /* RXNE and ORE */
#define CR1_UE BIT(13)

/* GPIO ports with MODER (RM0390 chapter 7.4) */
#define GPIO_MODER(port) REGISTER((port) + 0x00)
#define GPIO_OSPEEDR(port) REGISTER((port) + 0x08)
#define GPIO_PUPDR(port) REGISTER((port) + 0x0C)
#define GPIO_AFR(port, pin) REGISTER((port) + 0x20 + 4 * ((pin) / 8))

enum { MODE_ALTERNATE = 2, SPEED_MEDIUM = 1, PULL_UP = 1 };

static const struct {
    uint32_t address, bit;
} enables[] = BOARD_UART_ENABLE;

static const struct {
    uint32_t port, pin, function;
} pins[] = BOARD_UART_PINS;

/* Replace the `width` bits of field number `index`. */
static void set_field(volatile uint32_t *word, uint32_t index, uint32_t width, uint32_t value)
{
    uint32_t mask = (BIT(width) - 1u) << (index * width);
    *word = (*word & ~mask) | value << (index * width);
}

void uart_driver_start(uint32_t divisor)
{
    for (uint32_t i = 0; i < sizeof enables / sizeof enables[0]; i++) {
        REGISTER(enables[i].address) |= BIT(enables[i].bit);
    }
    memory_barrier(); /* STM32F446 errata sheet: delay after an RCC peripheral clock enabling */
    for (uint32_t i = 0; i < sizeof pins / sizeof pins[0]; i++) {
        uint32_t port = pins[i].port, pin = pins[i].pin;
        set_field(&GPIO_AFR(port, pin), pin % 8, 4, pins[i].function);
        set_field(&GPIO_OSPEEDR(port), pin, 2, SPEED_MEDIUM);
        set_field(&GPIO_PUPDR(port), pin, 2, PULL_UP); /* an open RX must not look like a start bit */
        set_field(&GPIO_MODER(port), pin, 2, MODE_ALTERNATE);
    }
    USART_BRR = divisor;
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE | CR1_RXNEIE;
    nvic_enable(BOARD_UART_INTERRUPT);
}

bool uart_driver_ready(void)
{
    return (USART_SR & SR_TXE) != 0;
}

void uart_driver_put(uint8_t byte)
{
    USART_DR = byte;
}

void uart_interrupt(void)
{
    uint32_t status = USART_SR;
    if (status & (SR_RXNE | SR_ORE)) {
        uint8_t byte = (uint8_t)USART_DR; /* SR then DR clears RXNE and ORE, 25.6.1 */
        if (status & SR_RXNE) {
            uart_received(byte);
        }
        if (status & SR_ORE) {
            uart_overran();
        }
    }
}
